"""The network gives the same answers in every runtime that it is written for."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from random_network import random_network
from scipy.spatial import cKDTree

from slam_frontend.errors import OutputError, WeightsError
from slam_frontend.export import networks
from slam_frontend.export.networks import export_network
from slam_frontend.features import create_extractor
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.models.card import Card, parse_card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.runtime_openvino import openvino_core
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import load_checkpoint, save_checkpoint

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample" / "rgb"
FILES = {"onnx": "net.onnx", "torchscript": "net.pt", "openvino": "net.xml"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    save_checkpoint(path, random_network(), Card(name="random", network=FAST))
    return path


def run_elsewhere(format: str, path: Path, images: np.ndarray) -> tuple[np.ndarray, ...]:
    if format == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return tuple(session.run(["logits", "descriptors"], {"images": images}))
    if format == "torchscript":
        return tuple(output.numpy() for output in torch.jit.load(str(path))(torch.from_numpy(images)))
    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # OpenVINO takes bfloat16 where the processor has it
    pytest.importorskip("openvino")
    outputs = openvino_core().compile_model(str(path), "CPU", exact)(images)
    return outputs["logits"], outputs["descriptors"]


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("shape", [(1, 1, 64, 96), (3, 1, 48, 40)])
def test_the_written_network_answers_as_ours_at_any_batch_and_size(format, shape, weights, tmp_path: Path) -> None:
    if format != "torchscript":
        pytest.importorskip("onnx", reason="onnx is not installed: pip install slam-frontend[onnx]")
    path = tmp_path / FILES[format]
    assert export_network(weights, path, format) < 1e-4
    images = np.random.default_rng(1).random(shape, np.float32)
    with torch.inference_mode():
        expected = load_checkpoint(weights)[0](torch.from_numpy(images))
    for ours, theirs in zip(expected, run_elsewhere(format, path, images), strict=True):
        assert np.allclose(ours.numpy(), theirs, atol=2e-4)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        [FILES[format], "net.json", *(["net.bin"] if format == "openvino" else [])]
    )


def test_the_steps_of_the_page_about_hosts_find_our_keypoints(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    export_network(shipped_weights("superpoint-fast"), tmp_path / "net.onnx", "onnx")
    threshold = parse_card((tmp_path / "net.json").read_text(), source="net.json").threshold
    image = cv2.imread(str(SAMPLE / "0.000000.jpg"), cv2.IMREAD_GRAYSCALE)[:237, :317]
    padded = cv2.copyMakeBorder(image, 0, 3, 0, 3, cv2.BORDER_REPLICATE).astype(np.float32) / 255
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    logits, coarse = session.run(["logits", "descriptors"], {"images": padded[None, None]})
    keypoints, descriptors = follow_the_page(logits[0], coarse[0], image, threshold)
    settings = {"max_keypoints": 5000, "scales": (1.0,), "runtime": "torch", "precision": "float"}
    ours = create_extractor({"name": "superpoint-fast", **settings}).extract(image)
    gaps, rows = cKDTree(keypoints).query(ours.keypoints)
    same = gaps < 0.01
    assert same.sum() >= max(len(keypoints), len(ours), 300) - 2  # at the very threshold a bit may decide
    assert ((descriptors[rows] * ours.descriptors).sum(1)[same] > 0.999).all()


def follow_the_page(logits: np.ndarray, coarse: np.ndarray, image: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Keypoints and descriptors by the five steps of docs/hosts.md, by whoever has OpenCV alone."""
    shares = np.exp(logits) / np.exp(logits).sum(0)
    depth, height, width = shares.shape
    heatmap = shares[: depth - 1].reshape(8, 8, height, width).transpose(2, 0, 3, 1).reshape(8 * height, 8 * width)
    heatmap = heatmap[: image.shape[0], : image.shape[1]]

    spread = 2 * np.pi * 1.5**2 * cv2.GaussianBlur(heatmap, (13, 13), 1.5)
    cornerness = cv2.cornerMinEigenVal(cv2.GaussianBlur(image.astype(np.float32), (13, 13), 1.5), 3)
    heatmap = spread * (cornerness / (cv2.dilate(cornerness, np.ones((9, 9))) + 1e-6)) ** 2

    is_peak = (heatmap > threshold) & (heatmap == cv2.dilate(heatmap, np.ones((9, 9))))
    rows, columns = np.nonzero(is_peak[4:-4, 4:-4])

    squares = np.lib.stride_tricks.sliding_window_view(heatmap, (5, 5))[rows + 2, columns + 2]
    steps, mass = np.arange(-2, 3), squares.sum((1, 2))
    x = columns + 4 + squares.sum(1) @ steps / mass
    y = rows + 4 + squares.sum(2) @ steps / mass

    cells = [((axis[:, None] + 0.5) / 8 - 0.5).astype(np.float32) for axis in (x, y)]
    read = [cv2.remap(plane, *cells, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0] for plane in coarse]
    return [np.stack([x, y], 1), (read / np.linalg.norm(read, axis=0)).T]


def test_opencvs_own_runtime_reads_the_graph(weights: Path, tmp_path: Path) -> None:
    """What a C++ host without any other runtime would use."""
    pytest.importorskip("onnx")
    export_network(weights, tmp_path / "net.onnx", "onnx")
    images = np.random.default_rng(1).random((1, 1, 120, 160), np.float32)
    net = cv2.dnn.readNetFromONNX(str(tmp_path / "net.onnx"))
    net.setInput(images)
    logits, descriptors = net.forward(["logits", "descriptors"])
    with torch.inference_mode():
        expected = load_checkpoint(weights)[0](torch.from_numpy(images))
    assert np.allclose(logits, expected[0].numpy(), atol=1e-4)
    assert np.allclose(descriptors, expected[1].numpy(), atol=1e-4)


def test_a_network_that_disagrees_is_not_written(weights: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(networks, "_compare", lambda *_: 0.5)
    with pytest.raises(OutputError, match=r"differs by 0\.5"):
        export_network(weights, tmp_path / "net.pt", "torchscript")
    assert not list(tmp_path.iterdir())


def test_a_runtime_that_answers_with_nothing_but_nan_is_not_trusted(weights: Path, tmp_path: Path, monkeypatch) -> None:
    def write(network: SuperPoint, path: Path) -> networks.Run:
        path.write_bytes(b"graph")
        return lambda images: tuple(np.full_like(output, np.nan) for output in network(torch.from_numpy(images)))

    monkeypatch.setattr(networks, "_write_torchscript", write)
    with pytest.raises(OutputError, match="differs by nan"):
        export_network(weights, tmp_path / "net.pt", "torchscript")
    assert not list(tmp_path.iterdir())


def test_another_network_is_not_overwritten(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    save_checkpoint(other, SuperPoint(FAST), Card(name="other", network=FAST))
    export_network(weights, tmp_path / "net.ts", "torchscript")
    export_network(weights, tmp_path / "net.ts", "torchscript")
    written = (tmp_path / "net.ts").read_bytes()
    with pytest.raises(OutputError, match="not of these weights"):
        export_network(other, tmp_path / "net.ts", "torchscript")
    assert (tmp_path / "net.ts").read_bytes() == written
    with pytest.raises(OutputError, match="not of these weights"):
        export_network(weights, other, "torchscript")
    with pytest.raises(OutputError, match="is the checkpoint itself"):
        export_network(other, other, "torchscript")
    assert load_checkpoint(other)[1].name == "other"
    with pytest.raises(OutputError, match=r"does not end in \.json"):
        export_network(weights, tmp_path / "net.json", "torchscript")


def test_a_file_where_openvinos_weights_would_go_is_left_alone(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_text("precious")
    with pytest.raises(OutputError, match=r"other\.xml or other\.json or other\.bin is there already"):
        export_network(weights, tmp_path / "other.xml", "openvino")
    assert (tmp_path / "other.bin").read_text() == "precious"


def test_a_folder_is_no_name_of_a_file(weights: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="is a folder; expected the name of a file"):
        export_network(weights, Path(), "torchscript")


def test_a_card_tells_other_runtimes_how_to_read_the_heatmap(weights: Path, tmp_path: Path) -> None:
    export_network(weights, tmp_path / "net.ts", "torchscript")
    assert parse_card((tmp_path / "net.json").read_text(), "net.json") == load_checkpoint(weights)[1]


def test_a_missing_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't be read"):
        export_network(tmp_path / "none.pt", tmp_path / "net.pt", "torchscript")


def test_a_folder_that_cannot_be_made_is_one_sentence(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't be written to"):
        export_network(weights, tmp_path / "file" / "net.pt", "torchscript")
