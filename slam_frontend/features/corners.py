"""Corners of one image level, spread over it."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.types import Array

BORDER = 16  # pixels of the level: a corner's 31-pixel patch must lie inside
CORNERS_PER_CELL = 4
MIN_EIGENVALUE = 1e-4  # of the structure tensor for grey values from 0 to 1; noise of 2 grey levels stays below
MIN_FAST_THRESHOLD = 7
NEIGHBOURHOOD = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Corners:
    """Corners of one level: whole pixels, the offset of the true peak from them, and how strong they are."""

    pixels: Array  # (N,2) int64 x, y
    offsets: Array  # (N,2) float32, within half a pixel
    scores: Array  # (N,) float32

    def __len__(self) -> int:
        return len(self.pixels)


NO_CORNERS = Corners(np.empty((0, 2), np.int64), np.empty((0, 2), np.float32), np.empty(0, np.float32))


def find_shi_tomasi(level: Array, count: int) -> Corners:
    """At most ``count`` peaks of the structure tensor's smaller eigenvalue, at sub-pixel positions."""
    if min(level.shape) <= 2 * BORDER or count <= 0:
        return NO_CORNERS
    response = cv2.cornerMinEigenVal(level, blockSize=3)
    highest = cv2.dilate(response, NEIGHBOURHOOD)
    inner = slice(BORDER, -BORDER)
    peaks = (response[inner, inner] >= highest[inner, inner]) & (response[inner, inner] > MIN_EIGENVALUE)
    rows, columns = np.divmod(np.flatnonzero(peaks), peaks.shape[1])
    pixels = np.stack([columns, rows], 1) + BORDER
    scores = response[pixels[:, 1], pixels[:, 0]]
    chosen = spread(pixels, scores, level.shape, count)
    return Corners(pixels[chosen], _peak_offsets(response, pixels[chosen]), scores[chosen])


def find_fast(level: Array, count: int) -> Corners:
    """At most ``count`` FAST corners, strong ones where there are some and weak ones where there are none."""
    if min(level.shape) <= 2 * BORDER or count <= 0:
        return NO_CORNERS
    found = cv2.FastFeatureDetector.create(MIN_FAST_THRESHOLD).detect(level)
    pixels = np.array(cv2.KeyPoint.convert(found), np.int64).reshape(-1, 2)
    scores = np.array([point.response for point in found], np.float32)
    inside = ((pixels >= BORDER) & (pixels < np.array(level.shape[::-1]) - BORDER)).all(1)
    pixels, scores = pixels[inside], scores[inside]
    chosen = spread(pixels, scores, level.shape, count)
    return Corners(pixels[chosen], np.zeros((len(chosen), 2), np.float32), scores[chosen])


def spread(pixels: Array, scores: Array, shape: tuple[int, ...], count: int) -> Array:
    """Rows of at most ``count`` corners, in turns from the cells of a grid: first the best of each, then the second...

    A cell without strong corners gives its weak ones and a crowded one waits: tracking needs all sides of the image.
    """
    best_first = np.argsort(-scores, kind="stable")
    side = max(1.0, np.sqrt(shape[0] * shape[1] * CORNERS_PER_CELL / max(count, 1)))
    column, row = (pixels[best_first] / side).astype(np.int32).T
    cells = row * int(np.ceil(shape[1] / side)) + column
    by_cell = np.argsort(cells, kind="stable")
    sorted_cells = cells[by_cell]
    turns = np.empty(len(cells), np.int32)
    turns[by_cell] = np.arange(len(cells)) - np.searchsorted(sorted_cells, sorted_cells)
    return best_first[np.argsort(turns, kind="stable")[:count]]


def _peak_offsets(response: Array, pixels: Array) -> Array:
    """Where a parabola through each peak and its neighbours has its top, along x and y."""
    x, y = pixels.T
    centre = response[y, x]
    offsets = np.empty((len(pixels), 2), np.float32)
    for axis, (dx, dy) in enumerate([(1, 0), (0, 1)]):
        before, after = response[y - dy, x - dx], response[y + dy, x + dx]
        curvature = np.maximum(2 * centre - before - after, 1e-12)
        offsets[:, axis] = np.clip((after - before) / (2 * curvature), -0.5, 0.5)
    return offsets
