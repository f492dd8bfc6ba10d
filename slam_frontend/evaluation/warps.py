"""Pairs made of one photograph: as it is, and warped, relit and noisy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.evaluation.pairs import ImagePair
from slam_frontend.photos import fit_image
from slam_frontend.types import Array


@dataclass(frozen=True)
class WarpRanges:
    """How far a warp goes; every value is drawn evenly from its range."""

    rotation: float = 0.6  # to either side
    scale: tuple[float, float] = (0.75, 1.3)
    corner_shift: float = 0.13  # of the width and of the height
    contrast: tuple[float, float] = (0.6, 1.4)
    brightness: float = 30.0  # grey levels, up or down
    noise: float = 6.0  # grey levels, standard deviation
    blur: float = 0.0  # pixels that the camera moves while it exposes, always as many, in any direction


def warp_pairs(
    photos: Iterable[tuple[str, Array]], size: tuple[int, int], seed: int = 0, ranges: WarpRanges | None = None
) -> Iterator[ImagePair]:
    """One pair of (height, width) for every photograph; the same seed gives the same warps."""
    rng = np.random.default_rng(seed)
    ranges = ranges or WarpRanges()
    for name, photo in photos:
        image0, _ = fit_image(photo, size)
        H_1_0 = random_homography(size, ranges, rng)
        warped = cv2.warpPerspective(image0, H_1_0, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        yield ImagePair(name, "warp", image0, _relight(_blurred(warped, ranges.blur, rng), ranges, rng), H_1_0)


def random_homography(size: tuple[int, int], ranges: WarpRanges, rng: np.random.Generator) -> Array:
    """A rotation and scaling about the centre after each corner was moved on its own."""
    height, width = size
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    moved = corners + rng.uniform(-1, 1, (4, 2)) * ranges.corner_shift * (width, height)
    angle, scale = rng.uniform(-ranges.rotation, ranges.rotation), rng.uniform(*ranges.scale)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = corners.mean(0)
    target = (moved - centre) @ turn.T + centre
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)), float)


def _blurred(image: Array, length: float, rng: np.random.Generator) -> Array:
    """The image as it is on average along a line through each pixel, whose centre stays where it is."""
    if not length:
        return image
    angle, reach = rng.uniform(0, np.pi), int(np.ceil(length / 2))
    steps = np.linspace(-length / 2, length / 2, 8 * reach + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    np.add.at(kernel, tuple(np.rint(reach + steps * way).astype(int) for way in (np.sin(angle), np.cos(angle))), 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def _relight(image: Array, ranges: WarpRanges, rng: np.random.Generator) -> Array:
    relit = image * rng.uniform(*ranges.contrast) + rng.uniform(-ranges.brightness, ranges.brightness)
    noisy = relit + rng.normal(0, ranges.noise, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
