"""``slam-frontend show``: pictures with something in them, and one sentence where there can be none."""

import json
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from command_line import Call, one_sentence, run_main

from slam_frontend.cli.heatmaps import adapt_in_steps, find_heatmap
from slam_frontend.datasets.pictures import read_picture
from slam_frontend.features import create_extractor
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.training.homographies import HomographyConfig, random_homographies
from slam_frontend.types import Array

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install slam-frontend[viewer]")

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample" / "rgb"
FIRST, LATER = SAMPLE / "0.000000.jpg", SAMPLE / "0.200000.jpg"
INLIER, OUTLIER = "#0072B2", "#D55E00"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs ``show`` in an empty folder and gives back its exit code."""
    monkeypatch.chdir(tmp_path)
    return partial(run_main, "show")


def read(path: str) -> Array:
    return np.asarray(cv2.imread(path)[:, :, ::-1])


def pixels_of(colour: str, picture: Array) -> int:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture.astype(int) - rgb).max(axis=2) < 40).sum())


def test_keypoints_are_drawn_and_counted(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("features", FIRST, "--features", "orb,superpoint-fast", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    image, _ = read_picture(FIRST)
    for counted in printed["extractors"]:
        assert counted["keypoints"] == [len(create_extractor({"name": counted["name"]}).extract(image))]
    picture = read(printed["picture"])
    assert picture.shape[1] == 1500
    left, right = np.hsplit(picture, 2)
    assert min(pixels_of(INLIER, left), pixels_of(INLIER, right)) > 2000  # each extractor has its panel


def test_the_name_of_an_image_is_no_formula(call: Call) -> None:
    shutil.copy(FIRST, r"$\nonsense$.jpg")
    assert call("features", r"$\nonsense$.jpg", "--features", "orb") == 0


def test_matches_are_told_apart_by_colour(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("features", FIRST, LATER, "--features", "orb,sift", "--out", "both.png", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    for counted in printed["extractors"]:
        assert 30 < counted["inliers"] < counted["matches"] < min(counted["keypoints"])
    picture = read("both.png")
    assert pixels_of(INLIER, picture) > 3000
    assert pixels_of(OUTLIER, picture) > 500


def test_an_image_matches_itself_without_an_outlier(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("features", FIRST, FIRST, "--features", "orb", "--json") == 0
    (counted,) = json.loads(capsys.readouterr().out)["extractors"]
    assert counted["inliers"] == counted["matches"] > 800
    assert pixels_of(OUTLIER, read("features.png")) < 200  # the legend's


def test_images_without_anything_in_them_make_a_picture(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite("grey.png", np.full((120, 160), 128, np.uint8))
    cv2.imwrite("wide.png", np.full((100, 400), 128, np.uint8))
    assert call("features", "grey.png", "wide.png", "--features", "orb,sift,superpoint-fast", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [counted["matches"] for counted in printed["extractors"]] == [0, 0, 0]
    assert read("features.png").shape[1] == 1500


def test_a_heatmap_lies_over_the_image_beside_its_keypoints(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("heatmap", FIRST, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["keypoints"] > 200
    assert printed["threshold"] < printed["highest"] <= 1
    left, right = np.hsplit(read("heatmap.png"), 2)
    warm = (left[..., 0] > 200) & (left[..., 1] > 100) & (left[..., 2] < 100)
    assert warm.sum() > 1000
    assert pixels_of(INLIER, right) > 2000


def test_the_heatmap_is_the_network_s(tmp_path: Path) -> None:
    network, _ = load_checkpoint(shipped_weights("superpoint-fast"))
    image = read_picture(FIRST)[0][:236, :317]  # no whole cells
    heatmap = find_heatmap(network, image)
    assert heatmap.shape == image.shape
    whole = find_heatmap(network, read_picture(FIRST)[0])
    np.testing.assert_allclose(heatmap[:100, :100], whole[:100, :100], atol=1e-5)


def test_adaptation_is_drawn_step_by_step(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("heatmap", FIRST, "--adaptation", "--views", 12, "--max-size", 160, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["means"] == [1, 10, 12]
    assert printed["points"] > 30
    picture = read("adaptation.png")
    assert picture.std() > 30
    assert pixels_of(INLIER, picture[-picture.shape[0] // 3 :, -400:]) > 300  # the points, in the last panel


def test_the_steps_are_those_that_training_takes() -> None:
    network, _ = load_checkpoint(shipped_weights("superpoint-fast"))
    image = read_picture(FIRST)[0][:125, :163]
    steps = adapt_in_steps(network, image, 4, 3, lambda stage, done, total: None)
    assert list(steps.means) == [1, 4]
    assert steps.image.shape == (120, 160)  # cut to whole cells
    backs = np.stack([view.back for view in steps.views])
    seen = np.isfinite(backs).any(0)
    np.testing.assert_allclose(np.nanmean(backs[:, seen], 0), steps.means[4][seen], atol=1e-5)
    np.testing.assert_allclose(steps.views[0].heatmap, find_heatmap(network, steps.image), atol=1e-4)


def test_the_views_of_a_smaller_count_are_the_first_of_a_larger_one() -> None:
    few, many = (
        random_homographies(count, (120, 160), HomographyConfig(), torch.Generator().manual_seed(5))
        for count in (10, 100)
    )
    torch.testing.assert_close(few, many[:10])


def test_another_checkpoint_is_taken(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    weights = shipped_weights("superpoint-fast")
    assert call("heatmap", FIRST, "--weights", weights, "--width", 800) == 0
    assert read("heatmap.png").shape[1] == 800
    assert call("features", FIRST, "--features", f"superpoint-fast={weights}", "--json") == 0
    assert weights.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("features", "missing.jpg"), "missing.jpg: can't be read"),
        (("features", FIRST, "missing.jpg"), "missing.jpg: can't be read"),
        (("features", "broken.png"), "broken.png: can't be decoded as an image"),
        (("features", "folder"), "folder: can't be read"),
        (("features", FIRST, "--features", "orbs"), "no extractor is called 'orbs'; there are"),
        (("features", FIRST, "--features", ","), "expected names of extractors"),
        (("features", FIRST, "--features", "superpoint-fast=none.pt"), "none.pt: no such checkpoint"),
        (("features", FIRST, "--out", "/dev/null/a.png"), "can't be written"),
        (("heatmap", "broken.png"), "broken.png: can't be decoded as an image"),
        (("heatmap", FIRST, "--weights", "none.pt"), "none.pt: can't be read"),
        (("heatmap", FIRST, "--weights", "broken.png"), "damaged or no checkpoint"),
        (("heatmap", FIRST, "--adaptation", "--max-size", "7"), "64"),
        (("features", FIRST, "--out", "f.jpg"), "f.jpg: the picture is a PNG; end the name with .png"),
        (("heatmap", FIRST, "--out", "f.jpg"), "f.jpg: the picture is a PNG; end the name with .png"),
        (("heatmap", FIRST, "--features", "orb"), "no network is called 'orb'; there are superpoint, superpoint-fast"),
        (("heatmap", "tiny.png", "--adaptation"), "tiny.png: 300x5 pixels are too few"),
    ],
)
def test_a_mistake_is_one_sentence(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], words: str
) -> None:
    Path("broken.png").write_bytes(b"no image")
    Path("folder").mkdir()
    cv2.imwrite("tiny.png", np.zeros((5, 300), np.uint8))
    assert call(*arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not list(Path().glob("*features.png")) and not list(Path().glob("heatmap.png"))


@pytest.mark.parametrize("what", ["features", "heatmap"])
def test_a_picture_does_not_take_the_place_of_its_image(
    call: Call, capsys: pytest.CaptureFixture[str], what: str, tmp_path: Path
) -> None:
    cv2.imwrite("mine.png", cv2.imread(str(FIRST)))
    before = Path("mine.png").read_bytes()
    assert call(what, "mine.png", "--out", tmp_path / "mine.png") == 2
    assert "mine.png: is the image to be drawn itself; choose another name" in one_sentence(capsys)
    assert Path("mine.png").read_bytes() == before
