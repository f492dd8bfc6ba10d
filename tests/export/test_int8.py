"""Eight bits say what float says, or aren't kept."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from random_network import save_random

from slam_frontend.cli.main import main
from slam_frontend.errors import OutputError, SequenceError
from slam_frontend.export import int8
from slam_frontend.export.int8 import Agreement, compare, export_int8
from slam_frontend.features import create_extractor
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.models.runtime import choose, graph_path, has_int8, int8_path
from slam_frontend.models.runtime_openvino import openvino_core

pytest.importorskip("nncf", reason="nncf is not installed: pip install slam-frontend[fast]")
pytest.importorskip("onnx", reason="onnx is not installed: pip install slam-frontend[onnx]")
SAMPLE = Path(__file__).parents[2] / "sequences" / "sample" / "rgb"


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Thirty textures of all sizes."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(30):
        coarse = rng.integers(0, 256, (15 + number, 20), np.uint8)
        cv2.imwrite(str(folder / f"{number:02}.png"), cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Random, but with a detector that is sure of something."""
    save_random(tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_one_command_makes_of_a_checkpoint_what_auto_then_takes(weights, photos, monkeypatch, capsys) -> None:
    monkeypatch.setattr(int8, "LEAST_FOUND_AGAIN", 0.5)  # a random detector has no favourites among its pixels
    monkeypatch.setattr(sys, "argv", ["slam-frontend", "export", "int8", str(photos), "--weights", str(weights)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code, capsys.readouterr().err
    assert capsys.readouterr().out.startswith(f"{int8_path(weights)}: finds ")
    assert sorted(file.suffix for file in weights.parent.iterdir()) == [".bin", ".json", ".onnx", ".pt", ".xml"]
    assert int8_path(weights).with_suffix(".bin").stat().st_size < 0.3 * graph_path(weights).stat().st_size
    operations = openvino_core().read_model(int8_path(weights)).get_ordered_ops()
    first, second, *_ = [op for op in operations if op.get_type_name() == "Convolution"]
    quantised = [conv.input_value(0).get_node().get_type_name() == "FakeQuantize" for conv in (first, second)]
    assert quantised == [False, True]
    assert choose("auto", "auto", weights) == ("openvino", "int8")
    image = cv2.imread(str(photos / "03.png"), cv2.IMREAD_GRAYSCALE)
    extractor = create_extractor({"name": "superpoint-fast", "weights": weights})
    assert len(extractor.extract(image)) > 20


def test_eight_bits_that_disagree_are_not_kept(weights, photos, monkeypatch) -> None:
    monkeypatch.setattr(int8, "compare", lambda *_: Agreement(0.3, 0.99))
    with pytest.raises(OutputError, match="find 30% of the keypoints again"):
        export_int8(weights, photos)
    assert not has_int8(weights) and not list(weights.parent.glob("*int8*"))
    for file in (int8_path(weights), int8_path(weights).with_suffix(".bin")):
        file.write_text("earlier ones")
    monkeypatch.setattr(int8, "compare", lambda *_: Agreement(np.nan, np.nan))
    with pytest.raises(OutputError, match="the network finds no keypoint in"):
        export_int8(weights, photos)
    assert int8_path(weights).read_text() == int8_path(weights).with_suffix(".bin").read_text() == "earlier ones"
    assert len(list(weights.parent.iterdir())) == 5  # with the checkpoint, its graph and the graph's card


def test_too_few_photographs_are_one_sentence(weights, tmp_path) -> None:
    (tmp_path / "few").mkdir()
    cv2.imwrite(str(tmp_path / "few" / "one.png"), np.zeros((40, 40), np.uint8))
    with pytest.raises(SequenceError, match="found 1 photographs to calibrate on, expected 20"):
        export_int8(weights, tmp_path / "few")


def test_the_shipped_eight_bits_are_those_of_the_shipped_network() -> None:
    """Fails where the weights were trained again and `slam-frontend export int8` was forgotten."""
    weights = shipped_weights("superpoint-fast")
    assert has_int8(weights)
    images = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(SAMPLE.iterdir())[:30:10]]
    agreement = compare(weights, images)
    assert agreement.found_again > 0.85 and agreement.similarity > 0.98
