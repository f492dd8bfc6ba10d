"""How long extractors and their networks take for an image, side by side, and against the machine's own peak."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from slam_frontend.cli.benchmarks.clips import KITTI, TUM
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.benchmarks.timing import Times, in_turns
from slam_frontend.cli.progress import note
from slam_frontend.config import PHOTO_SCALES, ExtractorConfig
from slam_frontend.datasets import open_sequence
from slam_frontend.errors import FrontendError, MissingDependency, WeightsError
from slam_frontend.features import count_cores, create_extractor
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST, PAPER, NetworkConfig
from slam_frontend.models.onnx_graph import write_graph
from slam_frontend.models.quantize import quantize_graph
from slam_frontend.models.runtime import Runtime, create_runtime, graph_path, has_gpu, int8_path
from slam_frontend.models.runtime_torch import TorchRuntime
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint
from slam_frontend.types import Array

SIZES = {"640x480": (480, 640), "1241x376": (376, 1241)}  # of TUM and of KITTI
SIZE = "640x480"
NUM_IMAGES = 20
ROUNDS, NETWORK_ROUNDS = 40, 10
MATRIX = 2048
PEAK = "sgemm"
EAGER = "eager torch", "float"  # the network as it was trained, as torch runs it unless told otherwise
ON_GPU = "torch", "half"
WAYS = (EAGER, ("torch", "float"), ("onnxruntime", "float"), ("openvino", "float"), ("openvino", "int8"))
NETWORKS = {"superpoint-fast": FAST, "superpoint": PAPER}


@dataclass(frozen=True)
class Speeds:
    """What was measured, by extractor and size, and by network and what runs it; a product of matrices in the same
    turns says what the machine could do at that time."""

    extraction: dict[str, dict[str, Times]]  # by size, then by extractor
    extraction_peak: float  # GFLOP/s of the product on all cores in float32, in turns with the extractors at SIZE
    networks: dict[tuple[str, str, str], Times]  # by network, runtime and precision
    networks_peak: float  # in turns with the networks
    notes: list[str]


def measure_speeds(data: Path, contenders: dict[str, ExtractorConfig]) -> Speeds:
    """Everything in turns: the extractors at two sizes, then the networks."""
    images = {size: _images(data, shape) for size, shape in SIZES.items()}
    extraction = {size: _extractors_in_turns(contenders, images[size], size) for size in SIZES}
    with TemporaryDirectory() as folder:
        calls, notes = _network_calls(Path(folder), images[SIZE])
        note("networks")
        times = in_turns({**{"|".join(way): call for way, call in calls.items()}, PEAK: _sgemm()}, NETWORK_ROUNDS)
    peaks = [_rate(product.pop(PEAK)) for product in (*extraction.values(), times)]
    return Speeds(extraction, peaks[0], {way: times["|".join(way)] for way in calls}, peaks[-1], notes)


def extraction_section(speeds: Speeds, notes: list[str]) -> str:
    """The extractors' times as a table."""
    headings = [
        "features",
        *(f"ms {size}" for size in SIZES),
        f"ms of processor, {SIZE}",
        "times its operations by sgemm",
    ]
    rows = []
    for spec, times in speeds.extraction[SIZE].items():
        walls = [f"{speeds.extraction[size][spec].wall:.1f}" for size in SIZES]
        network = NETWORKS.get(spec.split(":")[0])
        share = f"{times.wall / _least_milliseconds(network, speeds.extraction_peak):.1f}" if network else "-"
        rows.append([spec, *walls, f"{times.cpu:.1f}", share])
    legend = (
        f"From an image to at most 1000 keypoints with descriptors, median of {ROUNDS} images, all extractors in "
        "turns; the networks look at the image and at half its size here, as for photographs, and at a quarter of it "
        "when they track. The last column divides by the time that the network's operations on both would take at the "
        f"speed of sgemm: {speeds.extraction_peak:.0f} GFLOP/s, {MATRIX}x{MATRIX} on each of {count_cores()} cores, "
        "median in the same turns."
    )
    return "\n".join([table(headings, rows), "", legend, *(["", *notes] if notes else [])])


def networks_section(speeds: Speeds) -> str:
    """The networks' times as a table."""
    rows = []
    for (name, runtime, precision), times in speeds.networks.items():
        eager = speeds.networks[(name, *EAGER)].wall
        rate = NETWORKS[name].operations(*SIZES[SIZE]) / times.wall / 1e6
        cells = [f"{times.wall:.1f}", f"{times.best:.1f}", f"{times.cpu:.1f}", f"{eager / times.wall:.1f}"]
        rows.append([name, f"{runtime}, {precision}", *cells, f"{rate:.0f}", f"{rate / speeds.networks_peak:.2f}"])
    headings = [
        "network",
        "run by",
        "ms",
        "best",
        "ms of processor",
        "times eager torch",
        "GFLOP/s",
        "of sgemm's",
    ]
    sizes = ", ".join(f"{name} {network.operations(*SIZES[SIZE]) / 1e9:.1f}" for name, network in NETWORKS.items())
    legend = (
        f"One {SIZE} image, median of {NETWORK_ROUNDS} with all of these in turns; from the image to the heatmap and "
        f"the coarse descriptors; eager torch on the CPU. GFLOP: {sizes}. sgemm, in the same turns: "
        f"{speeds.networks_peak:.0f} GFLOP/s."
    )
    return "\n".join([table(headings, rows), "", legend, *(["", *speeds.notes] if speeds.notes else [])])


def _extractors_in_turns(contenders: dict[str, ExtractorConfig], images: list[Array], size: str) -> dict[str, Times]:
    note(f"extraction at {size}")
    extractors = {spec: create_extractor(config) for spec, config in contenders.items()}
    calls = {spec: _cycle(extractor.extract, images) for spec, extractor in extractors.items()}
    return in_turns({**calls, PEAK: _sgemm()}, ROUNDS)


def _network_calls(
    folder: Path, images: list[Array]
) -> tuple[dict[tuple[str, str, str], Callable[[int], object]], list[str]]:
    calls: dict[tuple[str, str, str], Callable[[int], object]] = {}
    notes: list[str] = []
    if not has_gpu():
        notes.append("- No GPU here: half precision in a recorded CUDA graph, as torch runs it there, is not measured.")
    for name in NETWORKS:
        weights = _weights(name, folder, images, notes)
        for runtime, precision in (*WAYS, ON_GPU) if has_gpu() else WAYS:
            try:
                run = _create_runtime(runtime, precision, weights).run
            except (MissingDependency, WeightsError) as error:
                notes.append(f"- {name} with {runtime} in {precision} is left out: {error}")
            else:
                calls[name, runtime, precision] = _cycle(run, images)
    return calls, notes


def _create_runtime(runtime: str, precision: str, weights: Path) -> Runtime:
    return (
        TorchRuntime(weights, channels_last=False)
        if runtime == EAGER[0]
        else create_runtime(runtime, precision, weights)
    )


def _weights(name: str, folder: Path, images: list[Array], notes: list[str]) -> Path:
    """The shipped checkpoint, or one of random weights: they are as fast."""
    try:
        return shipped_weights(name)
    except WeightsError:
        notes.append(f"- {name} has random weights here: this is its speed only, none ship that are trained.")
    path, network = folder / f"{name}.pt", SuperPoint(NETWORKS[name])
    save_checkpoint(path, network, Card(name=name, network=network.config))
    try:
        write_graph(graph_path(path), network)
        quantize_graph(graph_path(path), [image[:240, :320] for image in images], int8_path(path))
    except MissingDependency as error:
        notes.append(f"- {name} runs with fewer runtimes: {error}")
    return path


def _images(data: Path, shape: tuple[int, int]) -> list[Array]:
    """The first images of a clip of that size, or soft noise where there is none."""
    height, width = shape
    for path in (TUM, f"{KITTI}/00"):
        try:
            images = [frame.image for frame in open_sequence(data / path, limit=NUM_IMAGES)]
        except FrontendError:
            continue
        if images[0].shape == shape:
            return images
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (height // 6, width // 6), np.uint8) for _ in range(NUM_IMAGES)]
    return [np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)) for image in coarse]


def _cycle(call: Callable[[Array], object], images: list[Array]) -> Callable[[int], object]:
    return lambda number: call(images[number % len(images)])


def _sgemm() -> Callable[[int], object]:
    """A product of two matrices on each core at once."""
    rng = np.random.default_rng(0)
    factors = [
        (rng.random((MATRIX, MATRIX), np.float32), np.empty((MATRIX, MATRIX), np.float32)) for _ in range(count_cores())
    ]
    pool = ThreadPoolExecutor(count_cores())
    return lambda _: list(pool.map(lambda pair: np.matmul(pair[0], pair[0], out=pair[1]), factors))


def _rate(product: Times) -> float:
    """GFLOP/s."""
    return count_cores() * 2 * MATRIX**3 / product.wall / 1e6


def _least_milliseconds(network: NetworkConfig, peak: float) -> float:
    images = sum(scale**2 for scale in PHOTO_SCALES)
    return images * network.operations(*SIZES[SIZE]) / peak / 1e6
