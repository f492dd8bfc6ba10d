"""What runs the network: torch, OpenVINO or ONNX Runtime behind one call; none is imported before it is chosen."""

import hashlib
import logging
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from slam_frontend.errors import ConfigError, WeightsError
from slam_frontend.models.card import Card
from slam_frontend.models.keypoints import FoundKeypoints, WantedKeypoints
from slam_frontend.registry import Registry
from slam_frontend.types import Array

logger = logging.getLogger(__name__)

Precision = Literal["float", "half", "int8"]

runtimes = Registry(
    "runtime",
    "slam_frontend.runtimes",
    {
        "torch": "slam_frontend.models.runtime_cuda:create_torch",
        "openvino": "slam_frontend.models.runtime_openvino:OpenvinoRuntime",
        "onnxruntime": "slam_frontend.models.runtime_onnx:OnnxRuntime",
    },
)
GPU = Path("/dev/nvidia0")
ONLY_WITH = {"int8": "openvino", "half": "torch"}  # what runs a precision that isn't float


class Runtime(Protocol):
    """A network that is ready to run."""

    card: Card

    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8 whose sides are
        multiples of 8; both are the runtime's own and hold until its next call."""
        ...


@runtime_checkable
class FindsKeypoints(Protocol):
    """A runtime that finds keypoints where it runs the network, for there that is faster."""

    def find(self, image: Array, wanted: WantedKeypoints, count: int) -> FoundKeypoints:
        """The best of the wanted keypoints, ``count`` at most, of an image (H,W) uint8 of any size; ``decode.find``
        finds the same in the network's answer."""
        ...


def create_runtime(name: str, precision: str, weights: Path) -> Runtime:
    """The runtime of that name with the weights, ``auto`` standing for what ``choose`` says."""
    name, precision = choose(name, precision, weights)
    logger.info("%s runs with %s in %s", weights.name, name, precision)
    runtime: Runtime = runtimes.resolve(name)(weights, precision)
    return runtime


def choose(name: str, precision: str, weights: Path) -> tuple[str, str]:
    """The runtime and the precision that ``auto`` stands for: the fastest of what is here, or WeightsError.

    On a GPU that is torch in half precision; else OpenVINO, in eight bits where the weights have such a graph beside
    them, then ONNX Runtime; torch where there is no graph at all.
    """
    if not weights.exists():
        raise WeightsError(f"{weights}: no such checkpoint; train one with `slam-frontend train all` or give another")
    if name == "auto":
        name = ONLY_WITH.get(precision) or _fastest(weights)
    if precision == "auto":
        precision = _lightest(name, weights)
    if ONLY_WITH.get(precision, name) != name:
        raise ConfigError(
            f"extractor.precision: {precision} runs with {ONLY_WITH[precision]}, not with {name}; "
            "leave extractor.runtime at auto"
        )
    if precision == "half" and not has_gpu():
        raise ConfigError("extractor.precision: half needs a GPU, and none is here; leave it at auto")
    return name, precision


def graph_path(weights: Path) -> Path:
    """Where the ONNX graph of a checkpoint lies: beside it."""
    return weights.with_suffix(".onnx")


def existing_graph(weights: Path) -> Path:
    """The ONNX graph of a checkpoint, or WeightsError."""
    path = graph_path(weights)
    if not path.exists():
        raise WeightsError(f"{path}: not found; make it with `slam-frontend export onnx`, or choose runtime: torch")
    return path


def damaged_graph(path: Path, weights: Path) -> WeightsError:
    """What to say of a graph that can't be read."""
    form = "int8 PHOTOS" if path == int8_path(weights) else f"onnx {path}"
    command = f"slam-frontend export {form} --weights {weights}"
    return WeightsError(f"{path}: is damaged; make it again with `{command}`, or choose runtime: torch")


def int8_path(weights: Path) -> Path:
    """Where the graph in eight bits lies: beside the checkpoint."""
    return weights.with_name(f"{weights.stem}_int8.xml")


def fingerprint(graph: Path) -> str:
    """What tells an ONNX graph from one with other weights."""
    return hashlib.sha256(graph.read_bytes()).hexdigest()


def has_int8(weights: Path) -> bool:
    """Whether there is a graph in eight bits, made from the very float graph that lies beside it."""
    graph, int8 = graph_path(weights), int8_path(weights)
    return graph.exists() and int8.exists() and fingerprint(graph).encode() in int8.read_bytes()


def has_gpu() -> bool:
    """Whether a GPU is there that torch may use; to ask torch would mean to import it."""
    return GPU.exists() and not _is_torch_for_cpus()


def _is_torch_for_cpus() -> bool:
    """Builds for CPUs say so in their version."""
    try:
        return version("torch").endswith("+cpu")
    except PackageNotFoundError:  # built from source and put on the path
        return False


def _fastest(weights: Path) -> str:
    if graph_path(weights).exists() and not has_gpu():
        for name in ("openvino", "onnxruntime"):
            if find_spec(name) is not None:
                return name
    return "torch"


def _lightest(name: str, weights: Path) -> Precision:
    if name == "openvino" and has_int8(weights):
        return "int8"
    return "half" if name == "torch" and has_gpu() else "float"
