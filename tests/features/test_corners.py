"""Corners against a plain implementation of what they are, and what they rely on."""

import cv2
import numpy as np
import pytest

from slam_frontend.features.corners import BAND_PIXELS, BORDER, CORNERS_PER_CELL, MIN_RESPONSE, find_foerstner, spread
from slam_frontend.types import Array

SHAPES = [(480, 640), (34, 33), (40, 900), (300, 33), (34, BAND_PIXELS + 1)]


def noise(shape: tuple[int, int], seed: int = 0) -> Array:
    """Smoothed noise, faint on the left: corners of all strengths, some weaker than any that counts."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (7, 7), 1.5)
    return np.clip(128 + image * np.linspace(1, 300, shape[1], dtype=np.float32), 0, 255).astype(np.uint8)


def plain_response(level: Array) -> Array:
    """Determinant over trace of the structure tensor of the whole level, in double precision."""
    smooth = cv2.GaussianBlur(level, (3, 3), 0.8).astype(float) / 255
    gradients = [cv2.Sobel(smooth, cv2.CV_64F, *order, scale=1 / 4) for order in ((1, 0), (0, 1))]
    xx, xy, yy = (cv2.blur(gradients[i] * gradients[j], (3, 3)) for i, j in ((0, 0), (0, 1), (1, 1)))
    return np.asarray((xx * yy - xy**2) / np.maximum(xx + yy, 1e-12))


def plain_peaks(response: Array) -> dict[tuple[int, int], float]:
    """Scores of the pixels x, y that no neighbour exceeds."""
    height, width = response.shape
    peaks = {}
    for y in range(BORDER, height - BORDER):
        for x in range(BORDER, width - BORDER):
            score = response[y, x]
            if score > MIN_RESPONSE and score == response[y - 1 : y + 2, x - 1 : x + 2].max():
                peaks[x, y] = score
    return peaks


def plain_spread(scores: dict[tuple[int, int], float], shape: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """In turns from the cells of a grid, the best first."""
    side = max(1.0, np.sqrt(shape[0] * shape[1] * CORNERS_PER_CELL / count))
    cells: dict[tuple[int, int], int] = {}
    turns = []
    for x, y in sorted(scores, key=lambda pixel: -scores[pixel]):
        cell = (int(x / side), int(y / side))
        turns.append((cells.get(cell, 0), -scores[x, y], (x, y)))
        cells[cell] = cells.get(cell, 0) + 1
    return [pixel for _, _, pixel in sorted(turns)[:count]]


@pytest.mark.parametrize("shape", SHAPES)
def test_corners_are_the_peaks_of_the_structure_tensor_over_the_whole_level(shape: tuple[int, int]) -> None:
    level = noise(shape)
    peaks = plain_peaks(plain_response(level))
    corners = find_foerstner(level, 10**6)
    assert set(map(tuple, corners.pixels.tolist())) == set(peaks)
    np.testing.assert_allclose(corners.scores, [peaks[x, y] for x, y in corners.pixels.tolist()], rtol=1e-4)


@pytest.mark.parametrize("count", [1, 100, 700, 5000])
def test_the_corners_of_a_level_are_those_that_turns_of_the_cells_choose(count: int) -> None:
    level = noise((480, 640))
    expected = plain_spread(plain_peaks(plain_response(level)), level.shape, count)
    assert list(map(tuple, find_foerstner(level, count).pixels.tolist())) == expected


def test_corners_lie_where_a_parabola_through_their_neighbours_has_its_top() -> None:
    level = noise((200, 300))
    response = plain_response(level)
    corners = find_foerstner(level, 200)
    for (x, y), found in zip(corners.pixels, corners.offsets, strict=True):
        for line, offset in ((response[y, x - 1 : x + 2], found[0]), (response[y - 1 : y + 2, x], found[1])):
            a, b, _ = np.polyfit([-1, 0, 1], line / line[1], 2)
            np.testing.assert_allclose(offset, -b / (2 * a), atol=2e-3)


@pytest.mark.parametrize("count", [0, 1, 7, 300])
def test_spreading_takes_what_plain_turns_take_from_positions_between_pixels_too(count: int) -> None:
    rng = np.random.default_rng(1)
    positions, scores = rng.uniform(0, (640, 480), (300, 2)), rng.permutation(300) / 300
    chosen = spread(positions, scores, (480, 640), count)
    expected = plain_spread(dict(zip(map(tuple, positions), scores, strict=True)), (480, 640), max(count, 1))[:count]
    np.testing.assert_array_equal(positions[chosen], np.reshape(expected, (-1, 2)))


def test_spreading_nothing_gives_nothing() -> None:
    assert len(spread(np.empty((0, 2), np.int64), np.empty(0, np.float32), (480, 640), 100)) == 0
