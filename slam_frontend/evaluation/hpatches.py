"""Scenes in the layout of HPatches: images 1 to 6 and the homographies from the first to each other one."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.pairs import ImagePair, fit_pair
from slam_frontend.types import Array

SUFFIXES = (".png", ".ppm", ".pgm", ".jpg")
SPLITS = {"i_": "illumination", "v_": "viewpoint"}


def is_scene(path: Path) -> bool:
    """Whether a folder holds homographies named as in HPatches."""
    return path.is_dir() and any(path.glob("H_1_*"))


def find_scenes(path: Path) -> list[Path]:
    """The scene folders at a path: itself, or those directly inside."""
    if is_scene(path):
        return [path]
    return sorted(folder for folder in path.glob("*") if is_scene(folder))


def scene_pairs(scenes: list[Path], size: tuple[int, int]) -> Iterator[ImagePair]:
    """The first image of every scene with each other one, at (height, width)."""
    for scene in scenes:
        image0 = _read_image(scene, "1")
        for file in sorted(scene.glob("H_1_*")):
            number = file.name.removeprefix("H_1_")
            pair = ImagePair(
                f"{scene.name}/1-{number}",
                SPLITS.get(scene.name[:2], "other"),
                image0,
                _read_image(scene, number),
                _read_homography(file),
            )
            yield fit_pair(pair, size)


def _read_image(scene: Path, number: str) -> Array:
    for suffix in SUFFIXES:
        file = scene / f"{number}{suffix}"
        if file.exists():
            image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise SequenceError(f"{file}: can't be decoded as an image; fetch the scene again")
            return np.asarray(image)
    raise SequenceError(f"{scene}: found no image {number}; expected {number}.png or {number}.ppm")


def _read_homography(file: Path) -> Array:
    try:
        numbers = np.array(file.read_text().split(), float)
    except (OSError, ValueError) as error:
        raise SequenceError(f"{file}: expected nine numbers ({error})") from error
    if numbers.shape != (9,) or not np.isfinite(numbers).all() or abs(np.linalg.det(numbers.reshape(3, 3))) < 1e-12:
        raise SequenceError(f"{file}: expected nine numbers of an invertible homography, found {numbers.size} numbers")
    return numbers.reshape(3, 3)
