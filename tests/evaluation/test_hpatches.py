"""Scene folders in the layout of HPatches."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.features import evaluate_detector, evaluate_extractor
from slam_frontend.evaluation.hpatches import find_scenes, read_scene, scene_pairs
from slam_frontend.evaluation.pairs import ImagePair, warp_points
from slam_frontend.evaluation.points import ScoredPoints
from slam_frontend.features import create_extractor
from slam_frontend.files import IMAGE_SUFFIXES
from slam_frontend.types import Array

H = np.array([[0.95, 0.1, 10.0], [-0.1, 0.95, 30.0], [0, 0, 1.0]])


def write_scene(folder: Path, suffix: str = ".png", numbers: tuple[int, ...] = (2, 3)) -> None:
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(0).integers(0, 256, (20, 25), dtype=np.uint8)
    image = cv2.resize(coarse, (500, 400), interpolation=cv2.INTER_LINEAR)
    if suffix != ".pgm":  # which has no colours
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(folder / f"1{suffix}"), image)
    for number in numbers:
        cv2.imwrite(str(folder / f"{number}{suffix}"), cv2.warpPerspective(image, H, (520, 420)))
        np.savetxt(folder / f"H_1_{number}", H)


def read_pairs(path: Path) -> Iterator[ImagePair]:
    return scene_pairs([read_scene(folder) for folder in find_scenes(path)], (240, 320))


@pytest.mark.parametrize("suffix", [*IMAGE_SUFFIXES, ".JPG"])
def test_scenes_are_found_and_split_by_the_first_letter(tmp_path: Path, suffix: str) -> None:
    write_scene(tmp_path / "v_wall", suffix)
    write_scene(tmp_path / "i_lamp", suffix)
    (tmp_path / "notes").mkdir()
    pairs = list(read_pairs(tmp_path))
    assert [(pair.name, pair.split) for pair in pairs] == [
        ("i_lamp/1-2", "illumination"),
        ("i_lamp/1-3", "illumination"),
        ("v_wall/1-2", "viewpoint"),
        ("v_wall/1-3", "viewpoint"),
    ]
    assert all(pair.image0.shape == pair.image1.shape == (240, 320) for pair in pairs)


def test_the_homography_of_a_pair_holds_for_the_images_given(tmp_path: Path) -> None:
    write_scene(tmp_path / "v_wall")
    pair = next(read_pairs(tmp_path))
    grid = np.stack(np.meshgrid(np.arange(60, 260, 10), np.arange(60, 180, 10)), -1).reshape(-1, 2)
    x, y = warp_points(grid, pair.H_1_0).astype(np.float32).T
    seen = cv2.remap(pair.image1, x, y, cv2.INTER_LINEAR).ravel().astype(float)
    error = np.abs(seen - pair.image0[grid[:, 1], grid[:, 0]])
    assert error.mean() < 1.5


def test_a_single_scene_is_a_scene_and_photographs_are_none(tmp_path: Path) -> None:
    write_scene(tmp_path / "v_wall")
    assert find_scenes(tmp_path / "v_wall") == [tmp_path / "v_wall"]
    (tmp_path / "v_wall" / "H_1_2").unlink()
    (tmp_path / "v_wall" / "H_1_3").unlink()
    assert find_scenes(tmp_path / "v_wall") == find_scenes(tmp_path) == find_scenes(tmp_path / "nowhere") == []


def test_scenes_that_lie_deeper_are_pointed_to(tmp_path: Path) -> None:
    write_scene(tmp_path / "wrap" / "hp" / "v_wall")
    write_scene(tmp_path / "wrap" / "hp" / "v_yard")
    with pytest.raises(SequenceError, match=r"expected scenes directly inside, found them in .*/wrap/hp; name that"):
        find_scenes(tmp_path)
    write_scene(tmp_path / "wrap" / "older" / "v_wall")
    with pytest.raises(SequenceError, match=r"in .*/wrap/hp and 1 more; name that"):
        find_scenes(tmp_path)


def test_what_is_only_named_like_a_homography_is_none(tmp_path: Path) -> None:
    write_scene(tmp_path / "v_wall")
    (tmp_path / "v_wall" / "H_1_4~").write_text("an editor's copy")
    (tmp_path / "v_wall" / "H_1_7").mkdir()
    (tmp_path / "photos" / "H_1_2").mkdir(parents=True)
    assert [pair.name for pair in read_pairs(tmp_path)] == ["v_wall/1-2", "v_wall/1-3"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3", "expected nine numbers, found 3; fetch the scene again"),
        ("1 0 0 0 1 0 0 0 one", "expected nine numbers .*'one'"),
        ("1 0 0 0 nan 0 0 0 1", "expected nine finite numbers, found 1.0 0.0 0.0 0.0 nan 0.0 0.0 0.0 1.0"),
        ("1 2 3 2 4 6 0 0 1", "expected a homography that can be inverted, found a singular one"),
    ],
)
def test_what_is_wrong_with_a_homography_is_said(tmp_path: Path, text: str, words: str) -> None:
    write_scene(tmp_path / "v_wall")
    (tmp_path / "v_wall" / "H_1_2").write_text(text)
    with pytest.raises(SequenceError, match=f"H_1_2: {words}"):
        read_scene(tmp_path / "v_wall")


@pytest.mark.parametrize("number", ["1", "3"])
def test_an_image_that_is_missing_or_cut_is_named_before_any_pair(tmp_path: Path, number: str) -> None:
    write_scene(tmp_path / "v_wall", ".jpg")
    image = tmp_path / "v_wall" / f"{number}.jpg"
    image.write_bytes(image.read_bytes()[:3000])
    with pytest.raises(SequenceError, match=rf"{number}\.jpg: can't be decoded as an image; fetch the scene again"):
        read_scene(tmp_path / "v_wall")
    image.unlink()
    with pytest.raises(SequenceError, match=rf"found no image {number}; expected {number}\.png or \.jpg, .*\.ppm"):
        read_scene(tmp_path / "v_wall")


def pairs_of_two_splits(size: tuple[int, int]) -> list[ImagePair]:
    image = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)
    image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    return [ImagePair(split, split, image, image, np.eye(3)) for split in ("illumination", "viewpoint")]


def test_every_split_has_its_row_and_all_pairs_have_one() -> None:
    rows = evaluate_extractor("orb", create_extractor({"name": "orb"}), lambda size: iter(pairs_of_two_splits(size)))
    assert [(row.split, row.num_pairs) for row in rows] == [("illumination", 1), ("viewpoint", 1), ("all", 2)]
    for row in rows:
        assert row.repeatability == row.precision == row.homography_1px == 1.0
        assert row.localisation_error == 0 and row.nn_map > 0.99


def test_a_pair_in_which_nothing_is_found_counts_in_every_column_of_matching() -> None:
    def pairs(size: tuple[int, int]) -> Iterator[ImagePair]:
        (seen, _), grey = pairs_of_two_splits(size), np.full(size, 128, np.uint8)
        return iter([seen, ImagePair("grey", seen.split, grey, grey, np.eye(3))])

    (row,) = evaluate_extractor("orb", create_extractor({"name": "orb"}), pairs)
    assert row.matching_score == row.precision == row.homography_1px == 0.5
    assert 0.49 < row.nn_map <= 0.5


def test_a_detector_without_descriptors_has_no_matching_columns() -> None:
    def detect(image: Array) -> ScoredPoints:
        return ScoredPoints(np.array([[50.0, 50.0]], np.float32), np.ones(1, np.float32))

    rows = evaluate_detector("one", detect, lambda size: iter(pairs_of_two_splits(size)[:1]))
    assert len(rows) == 1 and rows[0].repeatability == 1.0 and np.isnan(rows[0].precision)
