"""Warped pairs have the homography that they claim, from a seed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from slam_frontend.evaluation.pairs import warp_points
from slam_frontend.evaluation.warps import WarpRanges, random_homography, warp_pairs
from slam_frontend.types import Array

STILL = WarpRanges(contrast=(1.0, 1.0), brightness=0.0, noise=0.0)


def photo(seed: int = 0) -> Array:
    coarse = np.random.default_rng(seed).integers(0, 256, (15, 20), dtype=np.uint8)
    return cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC)


def test_a_point_of_the_first_image_is_seen_in_the_second_where_the_homography_says() -> None:
    (pair,) = warp_pairs([("photo", photo())], (240, 320), seed=3, ranges=STILL)
    grid = np.stack(np.meshgrid(np.arange(40, 280, 8), np.arange(40, 200, 8)), -1).reshape(-1, 2)
    target = warp_points(grid, pair.H_1_0).astype(np.float32)
    inside = ((target > 1) & (target < (318, 238))).all(1)
    seen = cv2.remap(pair.image1, target[:, 0], target[:, 1], cv2.INTER_LINEAR).ravel()
    error = np.abs(seen.astype(float) - pair.image0[grid[:, 1], grid[:, 0]])[inside]
    assert inside.sum() > 200 and error.mean() < 2


def test_the_same_seed_gives_the_same_pairs_and_another_one_others() -> None:
    photos = [("a", photo(0)), ("b", photo(1))]
    first, again, other = (list(warp_pairs(photos, (120, 160), seed)) for seed in (1, 1, 2))
    for pair0, pair1 in zip(first, again, strict=True):
        np.testing.assert_array_equal(pair0.image1, pair1.image1)
    assert not np.allclose(first[0].H_1_0, other[0].H_1_0)


def test_blur_spreads_a_point_along_a_line_of_its_length_and_moves_nothing() -> None:
    dot = np.zeros((121, 161), np.uint8)
    dot[60, 80] = 255
    still = replace(STILL, rotation=0.0, scale=(1.0, 1.0), corner_shift=0.0, blur=21.0)
    for seed in range(5):
        (pair,) = warp_pairs([("dot", dot)], (121, 161), seed, still)
        y, x = np.nonzero(pair.image1)
        assert np.hypot(x.max() - x.min(), y.max() - y.min()) == pytest.approx(21, abs=1.5)
        assert (x.mean(), y.mean()) == pytest.approx((80, 60), abs=0.5)
        assert np.linalg.svd(np.stack([x - 80, y - 60]))[1][1] < 2  # a line


def test_homographies_stay_within_their_ranges() -> None:
    rng = np.random.default_rng(0)
    flat = WarpRanges(corner_shift=0.0)
    angles = []
    for _ in range(200):
        H = random_homography((240, 320), flat, rng)
        scale = np.sqrt(np.linalg.det(H[:2, :2] / H[2, 2]))
        angle = np.arctan2(H[1, 0], H[0, 0])
        assert 0.75 - 1e-3 <= scale <= 1.3 + 1e-3 and abs(angle) <= 0.6 + 1e-3
        np.testing.assert_allclose(warp_points(np.array([[159.5, 119.5]]), H)[0], (159.5, 119.5), atol=1e-2)
        angles.append(angle)
    assert min(angles) < -0.5 and max(angles) > 0.5


def test_noise_has_the_strength_it_should() -> None:
    grey = np.full((240, 320), 128, np.uint8)
    ranges = WarpRanges(rotation=0, scale=(1, 1), corner_shift=0, contrast=(1, 1), brightness=0, noise=6)
    (pair,) = warp_pairs([("grey", grey)], (240, 320), ranges=ranges)
    assert pair.image1.std() == pytest.approx(6, abs=0.2) and pair.image0.std() == 0
