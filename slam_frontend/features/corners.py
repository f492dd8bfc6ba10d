"""Corners of one image level, spread over it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.types import Array

BORDER = 16  # pixels of the level: a corner's 31-pixel patch must lie inside
CORNERS_PER_CELL = 8
MIN_RESPONSE = 1e-4  # of grey values from 0 to 1: weaker than most FAST corners at 7, above noise of 4 grey levels
GRADIENT_SCALE = 1 / (4 * 255)  # of Sobel's sums: grey values become 0 to 1, and the gradient that over two pixels
MIN_FAST_THRESHOLD = 7
NEIGHBOURHOOD = np.ones((3, 3), np.uint8)
STEPS_X, STEPS_Y = np.array([[1], [0]]), np.array([[0], [1]])  # along x, then along y
LOWER_HALF = 2**32 - 1  # of the bits of an int64
SUM = np.ones(3, np.float32)
REACH = 3  # pixels around a corner that its response comes from: 1 of smoothing, 1 of the gradient, 1 of the sums
BAND_PIXELS = 80_000  # treated at a time: such planes stay in the cache, and in memory that the process has already

Band = tuple[slice, slice]  # rows and columns of a level


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
    pixels = _find_peaks(response)
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
    Undefined nearer to the border of the level than a corner and its neighbours can be.
    """
    response = np.empty(level.shape, np.float32)
    for band in _bands(level.shape, BORDER - 1):
        _write_response(level[_grown(band, REACH)], response[band])
    return response


def _write_response(level: Array, response: Array) -> None:
    """Of a piece of a level into a plane without the margin of it; in place where possible, fresh memory is slow."""
    smooth = cv2.GaussianBlur(level, (3, 3), 0.8)
    dx, dy = (gradient.astype(np.float32) for gradient in cv2.spatialGradient(smooth))
    xy = _summed(cv2.multiply(dx, dy))  # sums of whole numbers are exact in float32
    xx = _summed(cv2.multiply(dx, dx, dst=dx))
    yy = _summed(cv2.multiply(dy, dy, dst=dy))
    trace = cv2.addWeighted(xx, 1, yy, 1, 1e-3)  # never 0
    determinant = cv2.subtract(cv2.multiply(xx, yy, dst=xx), cv2.multiply(xy, xy, dst=xy), dst=xx)
    inner = slice(REACH, -REACH)
    cv2.divide(determinant[inner, inner], trace[inner, inner], dst=response, scale=GRADIENT_SCALE**2 / 9)


def _summed(products: Array) -> Array:
    return np.asarray(cv2.sepFilter2D(products, -1, SUM, SUM, dst=products))


def _find_peaks(response: Array) -> Array:
    """Pixels (N,2) x, y that no neighbour exceeds and that are more than noise."""
    pixels = []
    for band in _bands(response.shape, BORDER):
        around = response[_grown(band, 1)]
        peaks = (around >= cv2.dilate(around, NEIGHBOURHOOD)) & (around > MIN_RESPONSE)
        inner = peaks[1:-1, 1:-1]
        rows, columns = np.divmod(np.flatnonzero(inner), inner.shape[1])
        pixels.append(np.stack([columns + band[1].start, rows + band[0].start], 1))
    return np.concatenate(pixels)


def _bands(shape: tuple[int, ...], margin: int) -> Iterator[Band]:
    """What lies inside the margin of a level, in bands of whole rows."""
    height, width = shape
    num_rows = max(1, BAND_PIXELS // width)
    for top in range(margin, height - margin, num_rows):
        yield slice(top, min(top + num_rows, height - margin)), slice(margin, width - margin)


def _grown(band: Band, pixels: int) -> Band:
    rows, columns = band
    return slice(rows.start - pixels, rows.stop + pixels), slice(columns.start - pixels, columns.stop + pixels)


def spread(pixels: Array, scores: Array, shape: tuple[int, ...], count: int) -> Array:
    """Rows of at most ``count`` corners, in turns from the cells of a grid: first the best of each, then the second...

    A cell without strong corners gives its weak ones and a crowded one waits: tracking needs all sides of the image.
    """
    side = max(1.0, np.sqrt(shape[0] * shape[1] * CORNERS_PER_CELL / max(count, 1)))
    columns, rows = (pixels / side).astype(np.int64).T
    best_first = np.argsort(-scores)
    cells = (rows * int(np.ceil(shape[1] / side)) + columns)[best_first]
    # Two numbers are sorted as the upper and the lower half of one: several times as fast as sorting indices twice.
    places = np.arange(len(cells))
    by_cell = np.sort(cells << 32 | places)
    cells = by_cell >> 32
    turns = places - np.searchsorted(cells, cells)
    by_turn = np.sort(turns << 32 | by_cell & LOWER_HALF)
    return np.asarray(best_first[by_turn[:count] & LOWER_HALF])


def _peak_offsets(response: Array, pixels: Array) -> Array:
    """Where a parabola through each peak and its neighbours has its top, along x and y."""
    x, y = pixels.T
    centre = response[y, x]
    before, after = response[y - STEPS_Y, x - STEPS_X], response[y + STEPS_Y, x + STEPS_X]  # (2,N)
    curvature = np.maximum(2 * centre - before - after, 1e-12)
    return np.asarray(np.clip((after - before) / (2 * curvature), -0.5, 0.5).T)
