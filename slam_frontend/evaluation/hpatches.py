"""Scenes in the layout of HPatches: images 1 to 6 and the homographies from the first to each other one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slam_frontend.datasets.pictures import read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.pairs import ImagePair, fit_pair
from slam_frontend.files import IMAGE_SUFFIXES, natural_order
from slam_frontend.types import Array

HOMOGRAPHY = re.compile("H_1_([0-9]+)")
SPLITS = {"i_": "illumination", "v_": "viewpoint"}
REMEDY = "fetch the scene again"


@dataclass(frozen=True)
class Scene:
    """The files of a scene and its homographies, all of which could be read."""

    name: str
    image0: Path
    others: list[tuple[Path, Array]]  # each with its H_other_0


def find_scenes(path: Path) -> list[Path]:
    """The scene folders at a path: itself, or those directly inside; SequenceError where they lie deeper."""
    if _homographies(path):
        return [path]
    scenes = sorted(folder for folder in path.glob("*") if _homographies(folder))
    if not scenes and (deeper := {file.parent.parent for file in path.rglob("H_1_*") if _is_homography(file)}):
        others = f" and {len(deeper) - 1} more" if len(deeper) > 1 else ""
        raise SequenceError(f"{path}: expected scenes directly inside, found them in {min(deeper)}{others}; name that")
    return scenes


def read_scene(folder: Path) -> Scene:
    """A scene after each of its files was read once: none stops a measurement that has begun."""
    others = [
        (_find_image(folder, file.name.removeprefix("H_1_")), _read_homography(file)) for file in _homographies(folder)
    ]
    scene = Scene(folder.absolute().name, _find_image(folder, "1"), others)
    for image in [scene.image0, *(image for image, _ in others)]:
        _read_image(image)
    return scene


def scene_pairs(scenes: list[Scene], size: tuple[int, int]) -> Iterator[ImagePair]:
    """The first image of every scene with each other one, at (height, width)."""
    for scene in scenes:
        image0, split = _read_image(scene.image0), SPLITS.get(scene.name[:2], "other")
        for image, H_1_0 in scene.others:
            name = f"{scene.name}/1-{image.stem}"
            yield fit_pair(ImagePair(name, split, image0, _read_image(image), H_1_0), size)


def _homographies(folder: Path) -> list[Path]:
    return sorted(filter(_is_homography, folder.glob("H_1_*")), key=lambda file: natural_order(file.name))


def _is_homography(file: Path) -> bool:
    return bool(HOMOGRAPHY.fullmatch(file.name)) and file.is_file()


def _find_image(folder: Path, number: str) -> Path:
    files = [file for file in folder.glob(f"{number}.*") if file.stem == number and file.is_file()]
    for suffix in IMAGE_SUFFIXES:
        for file in files:
            if file.suffix.lower() == suffix:
                return file
    expected = f"{number}{IMAGE_SUFFIXES[0]} or {', '.join(IMAGE_SUFFIXES[1:])}"
    raise SequenceError(f"{folder}: found no image {number}; expected {expected}; {REMEDY}")


def _read_image(file: Path) -> Array:
    try:
        return read_picture(file)[0]
    except SequenceError as error:
        raise SequenceError(f"{error}; {REMEDY}") from error


def _read_homography(file: Path) -> Array:
    try:
        numbers = np.array(file.read_text("utf-8-sig").split(), float)
    except (OSError, ValueError) as error:
        raise SequenceError(f"{file}: expected nine numbers ({error}); {REMEDY}") from error
    if numbers.size != 9:
        raise SequenceError(f"{file}: expected nine numbers, found {numbers.size}; {REMEDY}")
    if not np.isfinite(numbers).all():
        raise SequenceError(f"{file}: expected nine finite numbers, found {' '.join(map(str, numbers))}; {REMEDY}")
    H = numbers.reshape(3, 3)
    if abs(np.linalg.det(H)) < 1e-12:
        raise SequenceError(f"{file}: expected a homography that can be inverted, found a singular one; {REMEDY}")
    return H
