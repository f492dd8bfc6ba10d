"""Corners of one image level, spread over it."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.types import Array

BORDER = 16  # pixels of the level: a corner's 31-pixel patch must lie inside
CORNERS_PER_CELL = 8
MIN_RESPONSE = 1e-4  # of grey values from 0 to 1: weaker than most FAST corners at 7, above noise of 4 grey levels
SOBEL_SCALE = 1 / (4 * 255)  # grey values become 0 to 1, and the gradient that over two pixels
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


def find_foerstner(level: Array, count: int) -> Corners:
    """At most ``count`` peaks of Förstner's corner measure, at sub-pixel positions."""
    if min(level.shape) <= 2 * BORDER or count <= 0:
        return NO_CORNERS
    response = corner_response(level)
    highest = cv2.dilate(response, NEIGHBOURHOOD)
    inner = slice(BORDER, -BORDER)
    peaks = (response[inner, inner] >= highest[inner, inner]) & (response[inner, inner] > MIN_RESPONSE)
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
    return Corners(pixels[chosen], _peak_offsets(corner_response(level), pixels[chosen]), scores[chosen])


def corner_response(level: Array) -> Array:
    """Determinant over trace (H,W) float32 of the structure tensor of grey values from 0 to 1.

    It is smooth at its peaks, where the smaller eigenvalue has a cusp: peaks are found again at truer positions.
    """
    dx, dy = cv2.spatialGradient(cv2.GaussianBlur(level, (3, 3), 0.8))
    xx, xy, yy = (_mean_product(*pair) for pair in ((dx, dx), (dx, dy), (dy, dy)))
    trace = xx + yy + np.float32(1e-9)
    xx *= yy  # in place: fresh memory costs more than the arithmetic
    xy *= xy
    xx -= xy
    xx /= trace
    return xx


def _mean_product(gradient0: Array, gradient1: Array) -> Array:
    product = cv2.multiply(gradient0, gradient1, scale=SOBEL_SCALE**2, dtype=cv2.CV_32F)
    return np.asarray(cv2.boxFilter(product, -1, (3, 3), dst=product))


def spread(pixels: Array, scores: Array, shape: tuple[int, ...], count: int) -> Array:
    """Rows of at most ``count`` corners, in turns from the cells of a grid: first the best of each, then the second...

    A cell without strong corners gives its weak ones and a crowded one waits: tracking needs all sides of the image.
    """
    best_first = np.argsort(-scores)
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
