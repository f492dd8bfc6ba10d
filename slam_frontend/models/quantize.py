"""The network in eight bits: post-training quantisation of its ONNX graph for OpenVINO."""

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from slam_frontend.models.runtime import fingerprint
from slam_frontend.models.runtime_openvino import openvino_core
from slam_frontend.optional import require
from slam_frontend.types import Array

# Descriptors are scaled to length 1 in float: these are the layers of that, after the last convolution. The first
# convolution stays in float too: that takes a fiftieth more time, a third fewer keypoints are lost, and descriptors
# are six times as near to those of the float network.
KEPT_IN_FLOAT = ["Multiply", "ReduceSum", "ReduceL2", "Maximum", "Sqrt", "Power", "Divide"]


def quantize_graph(graph: Path, images: Sequence[Array], path: Path) -> None:
    """Write an ONNX graph in eight bits, its ranges those that grey images (H,W) uint8 lead to; its weights go
    beside the ``.xml`` as ``.bin``."""
    openvino = require("openvino", extra="fast")
    nncf = require("nncf", extra="fast")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = openvino_core().read_model(graph)
    dataset = nncf.Dataset(images, lambda image: image[None, None].astype("float32") / 255)
    with redirect_stdout(io.StringIO()):  # its progress bars
        quantized = nncf.quantize(
            model,
            dataset,
            subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=[_first_convolution(model)], types=KEPT_IN_FLOAT, validate=False),
        )
    quantized.set_rt_info(fingerprint(graph), ["slam_frontend", "made_from"])
    openvino.save_model(quantized, str(path), compress_to_fp16=False)


def _first_convolution(model: Any) -> str:
    name: str = next(op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == "Convolution")
    return name
