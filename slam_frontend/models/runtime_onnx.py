"""The network as an ONNX graph, run by OpenVINO or ONNX Runtime without torch."""

from pathlib import Path
from typing import Any

from slam_frontend.errors import WeightsError
from slam_frontend.models.card import Card, parse_card
from slam_frontend.models.runtime import graph_path
from slam_frontend.optional import require
from slam_frontend.types import Array


class OpenvinoRuntime:
    """Runs on the CPU, compiled once for each size of image."""

    def __init__(self, weights: Path) -> None:
        openvino = require("openvino", extra="fast")
        self.card = read_card(weights)
        self._core = openvino.Core()
        self._graph = self._core.read_model(_existing_graph(weights))
        self._compiled: dict[tuple[int, ...], Any] = {}

    def run(self, images: Array) -> tuple[Array, Array]:
        """Logits (B,65,H/8,W/8) and unit descriptors (B,D,H/8,W/8) of images (B,1,H,W) float32 in 0..1."""
        if images.shape not in self._compiled:
            graph = self._graph.clone()
            graph.reshape(list(images.shape))
            self._compiled[images.shape] = self._core.compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        result = self._compiled[images.shape](images)
        return result[0], result[1]


class OnnxRuntime:
    """Runs on the CPU."""

    def __init__(self, weights: Path) -> None:
        onnxruntime = require("onnxruntime", extra="onnx")
        self.card = read_card(weights)
        self._session = onnxruntime.InferenceSession(str(_existing_graph(weights)), providers=["CPUExecutionProvider"])

    def run(self, images: Array) -> tuple[Array, Array]:
        """Logits (B,65,H/8,W/8) and unit descriptors (B,D,H/8,W/8) of images (B,1,H,W) float32 in 0..1."""
        logits, coarse = self._session.run(None, {"images": images})
        return logits, coarse


def read_card(weights: Path) -> Card:
    """The card beside a checkpoint."""
    path = weights.with_suffix(".json")
    if not path.exists():
        raise WeightsError(f"{path}: not found; a checkpoint without its card runs with runtime: torch")
    return parse_card(path.read_text(), source=str(path))


def _existing_graph(weights: Path) -> Path:
    path = graph_path(weights)
    if not path.exists():
        raise WeightsError(f"{path}: not found; make it with `slam-frontend export onnx`, or choose runtime: torch")
    return path
