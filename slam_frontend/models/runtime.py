"""What runs the network: torch, OpenVINO or ONNX Runtime behind one call; none is imported before it is chosen."""

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from slam_frontend.errors import WeightsError
from slam_frontend.models.card import Card
from slam_frontend.registry import Registry
from slam_frontend.types import Array

runtimes = Registry(
    "runtime",
    "slam_frontend.runtimes",
    {
        "torch": "slam_frontend.models.runtime_torch:TorchRuntime",
        "openvino": "slam_frontend.models.runtime_onnx:OpenvinoRuntime",
        "onnxruntime": "slam_frontend.models.runtime_onnx:OnnxRuntime",
    },
)


class Runtime(Protocol):
    """A network that is ready to run."""

    card: Card

    def run(self, images: Array) -> tuple[Array, Array]:
        """Logits (B,65,H/8,W/8) and unit descriptors (B,D,H/8,W/8) of images (B,1,H,W) float32 in 0..1, whose sides
        are multiples of 8."""
        ...


def create_runtime(name: str, weights: Path) -> Runtime:
    """The runtime of that name with the weights; ``auto`` is OpenVINO where it is installed and the weights have an
    ONNX graph beside them, torch otherwise."""
    if not weights.exists():
        raise WeightsError(f"{weights}: no such checkpoint; train one with `slam-frontend train all` or give another")
    if name == "auto":
        name = _choose(weights)
    runtime: Runtime = runtimes.resolve(name)(weights)
    return runtime


def graph_path(weights: Path) -> Path:
    """Where the ONNX graph of a checkpoint lies: beside it."""
    return weights.with_suffix(".onnx")


def _choose(weights: Path) -> str:
    on_gpu = Path("/dev/nvidia0").exists()
    if graph_path(weights).exists() and find_spec("openvino") is not None and not on_gpu:
        return "openvino"
    return "torch"
