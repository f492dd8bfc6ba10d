"""Scene folders in the layout of HPatches."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.features import evaluate_detector, evaluate_extractor
from slam_frontend.evaluation.hpatches import find_scenes, scene_pairs
from slam_frontend.evaluation.pairs import ImagePair, warp_points
from slam_frontend.evaluation.points import ScoredPoints
from slam_frontend.features import create_extractor
from slam_frontend.types import Array

H = np.array([[0.95, 0.1, 10.0], [-0.1, 0.95, 30.0], [0, 0, 1.0]])


def write_scene(folder: Path, suffix: str = ".png", numbers: tuple[int, ...] = (2, 3)) -> None:
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(0).integers(0, 256, (20, 25), dtype=np.uint8)
    image = cv2.resize(coarse, (500, 400), interpolation=cv2.INTER_LINEAR)
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(folder / f"1{suffix}"), image)
    for number in numbers:
        cv2.imwrite(str(folder / f"{number}{suffix}"), cv2.warpPerspective(image, H, (520, 420)))
        np.savetxt(folder / f"H_1_{number}", H)


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_scenes_are_found_and_split_by_the_first_letter(tmp_path: Path, suffix: str) -> None:
    write_scene(tmp_path / "v_wall", suffix)
    write_scene(tmp_path / "i_lamp", suffix)
    (tmp_path / "notes").mkdir()
    pairs = list(scene_pairs(find_scenes(tmp_path), (240, 320)))
    assert [(pair.name, pair.split) for pair in pairs] == [
        ("i_lamp/1-2", "illumination"),
        ("i_lamp/1-3", "illumination"),
        ("v_wall/1-2", "viewpoint"),
        ("v_wall/1-3", "viewpoint"),
    ]
    assert all(pair.image0.shape == pair.image1.shape == (240, 320) for pair in pairs)


def test_the_homography_of_a_pair_holds_for_the_images_given(tmp_path: Path) -> None:
    write_scene(tmp_path / "v_wall")
    pair = next(scene_pairs(find_scenes(tmp_path), (240, 320)))
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


def test_a_missing_image_and_a_damaged_homography_are_named(tmp_path: Path) -> None:
    write_scene(tmp_path / "v_wall")
    (tmp_path / "v_wall" / "3.png").unlink()
    with pytest.raises(SequenceError, match=r"found no image 3"):
        list(scene_pairs(find_scenes(tmp_path / "v_wall"), (240, 320)))
    (tmp_path / "v_wall" / "H_1_2").write_text("1 2 3")
    with pytest.raises(SequenceError, match=r"H_1_2: expected nine numbers"):
        list(scene_pairs(find_scenes(tmp_path / "v_wall"), (240, 320)))


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
