"""The network run by ONNX Runtime, without torch."""

from pathlib import Path

import numpy as np

from slam_frontend.models.card import read_card
from slam_frontend.models.decode import to_heatmap
from slam_frontend.models.runtime import damaged_graph, existing_graph
from slam_frontend.optional import require
from slam_frontend.types import Array


class OnnxRuntime:
    """Runs on the CPU, in single precision."""

    def __init__(self, weights: Path, precision: str = "float") -> None:
        onnxruntime = require("onnxruntime", extra="onnx")
        self.card = read_card(weights)
        options = onnxruntime.SessionOptions()
        # Threads that spin between two images would take the cores from whatever else is to be done there.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = existing_graph(weights)
        try:
            self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has a class of its own for each reason, and none for all
            raise damaged_graph(graph, weights) from error

    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8."""
        logits, coarse = self._session.run(None, {"images": image[None, None] / np.float32(255)})
        return to_heatmap(logits[0]), coarse[0]
