"""The network run by OpenVINO, in single precision or in eight bits, without torch."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from slam_frontend.errors import WeightsError
from slam_frontend.models.card import read_card
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime import damaged_graph, existing_graph, has_int8, int8_path
from slam_frontend.optional import require
from slam_frontend.types import Array

_MAKING = Lock()  # threads that ask at once would each get one
# Else OpenVINO takes bfloat16 where the processor has it: without AMX that is slower, and results differ by machine.
SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
SIZES_KEPT = 4  # of images: each has a network compiled for it, with the memory that it needs


def openvino_core() -> Any:
    """The one core that this package makes in a process, kept to its end.

    A core's CPU plugin gives the thread that first compiles with it another stack for signals, and the stack of before
    back when it goes: of several that don't go in the reverse order one leaves the thread a stack that is gone, and
    the next Ctrl-C ends the process with a segmentation fault (seen with OpenVINO 2026.4).
    """
    with _MAKING:
        return _make_core()


@cache
def _make_core() -> Any:
    return require("openvino", extra="fast").Core()


class OpenvinoRuntime:
    """Runs on the CPU, compiled for each size of image when the first of that size comes."""

    def __init__(self, weights: Path, precision: str = "float") -> None:
        self._openvino = require("openvino", extra="fast")
        self.card = read_card(weights)
        self._core = openvino_core()
        self._graph = self._read(weights, precision)
        self._requests: dict[tuple[int, ...], Any] = {}

    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8, until the next call."""
        if image.shape not in self._requests:
            self._compile(image.shape)
        outputs = self._requests[image.shape].infer([image[None, None]], share_inputs=True, share_outputs=True)
        return outputs[0][0, 0], outputs[1][0].transpose(2, 0, 1)

    def _compile(self, shape: tuple[int, ...]) -> None:
        graph = self._graph.clone()
        graph.reshape([1, 1, *shape])
        compiled = self._core.compile_model(graph, "CPU", SETTINGS)
        if len(self._requests) == SIZES_KEPT:
            del self._requests[next(iter(self._requests))]
        self._requests[shape] = compiled.create_infer_request()

    def _read(self, weights: Path, precision: str) -> Any:
        """The graph from uint8 images to heatmaps and descriptors (1,H/8,W/8,D), the order that OpenVINO has anyway."""
        path = _int8_graph(weights) if precision == "int8" else existing_graph(weights)
        op = require("openvino.opset13", extra="fast")
        try:
            read = self._core.read_model(path)
        except RuntimeError as error:
            raise damaged_graph(path, weights) from error
        graph = self._take_uint8(read)
        logits, coarse = (result.input_value(0) for result in graph.get_results())
        first, last, step, channels = (np.array([number], np.int64) for number in (0, CELL * CELL, 1, 1))
        corners = op.slice(op.softmax(logits, 1), first, last, step, channels)  # without the dustbin
        heatmap = op.depth_to_space(corners, "blocks_first", CELL)
        results = [op.result(heatmap), op.result(op.transpose(coarse, np.array([0, 2, 3, 1], np.int64)))]
        return self._openvino.Model(results, graph.get_parameters(), "superpoint")

    def _take_uint8(self, graph: Any) -> Any:
        steps = require("openvino.preprocess", extra="fast").PrePostProcessor(graph)
        steps.input().tensor().set_element_type(self._openvino.Type.u8)
        steps.input().preprocess().convert_element_type(self._openvino.Type.f32).scale(255.0)
        return steps.build()


def _int8_graph(weights: Path) -> Path:
    path = int8_path(weights)
    if not has_int8(weights):
        found = "made from another graph than the one beside it" if path.exists() else "not found"
        raise WeightsError(f"{path}: {found}; make it with `slam-frontend export int8 PHOTOS --weights {weights}`")
    return path
