"""Homographies between images, against planes that are known."""

import numpy as np
import pytest

from slam_frontend.evaluation.pairs import warp_points
from slam_frontend.geometry import se3
from slam_frontend.geometry.homography import decompose_homography, find_homography
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
H = np.array([[0.95, 0.08, 12.0], [-0.05, 1.02, -7.0], [1e-4, -5e-5, 1.0]])


@pytest.fixture
def pixels() -> Array:
    return np.random.default_rng(0).uniform([0, 0], [640, 480], (200, 2))


def half_wild(pixels: Array, noise: float = 0.3) -> Array:
    """Where the homography takes them, with noise, and half of them anywhere."""
    rng = np.random.default_rng(1)
    wild = rng.random(len(pixels)) < 0.5
    noisy = warp_points(pixels, H) + rng.normal(0, noise, pixels.shape)
    noisy[wild] = rng.uniform([0, 0], [640, 480], (wild.sum(), 2))
    return noisy


def test_a_homography_is_found_among_half_outliers(pixels: Array) -> None:
    found = find_homography(pixels, half_wild(pixels), threshold=2.0)
    assert found is not None
    assert np.linalg.norm(warp_points(pixels, found) - warp_points(pixels, H), axis=1).max() < 1.0


def test_the_same_seed_gives_the_same_homography_to_the_bit(pixels: Array) -> None:
    noisy = half_wild(pixels, noise=1.0)
    first, again = (find_homography(pixels, noisy, threshold=2.0, seed=3) for _ in range(2))
    assert first is not None and again is not None
    assert first.tobytes() == again.tobytes()


def test_another_seed_may_give_another_homography(pixels: Array) -> None:
    noisy = half_wild(pixels, noise=1.0)
    found = [find_homography(pixels, noisy, threshold=2.0, seed=seed) for seed in range(5)]
    assert len({one.tobytes() for one in found if one is not None}) > 1


def test_three_matches_or_one_place_make_no_homography(pixels: Array) -> None:
    assert find_homography(pixels[:3], pixels[:3], threshold=2.0) is None
    same = np.tile(pixels[:1], (20, 1))
    assert find_homography(same, same, threshold=2.0) is None


def test_a_plane_gives_back_the_motion_that_it_was_seen_under() -> None:
    T_1_0 = se3.exp(np.array([-0.4, 0.1, 0.1, 0.02, -0.1, 0.05]))
    normal, distance = np.array([0.1, -0.2, 1.0]) / np.linalg.norm([0.1, -0.2, 1.0]), 3.0
    plane_map = CAMERA.K @ (T_1_0[:3, :3] + np.outer(T_1_0[:3, 3], normal) / distance) @ np.linalg.inv(CAMERA.K)
    T_1_0[:3, 3] /= np.linalg.norm(T_1_0[:3, 3])
    candidates = decompose_homography(plane_map, CAMERA)
    assert min(np.abs(candidate - T_1_0).max() for candidate in candidates) < 1e-6


def test_a_pure_rotation_has_no_translation_to_offer() -> None:
    R = se3.exp(np.array([0, 0, 0, 0.05, -0.1, 0.02]))[:3, :3]
    assert decompose_homography(CAMERA.K @ R @ np.linalg.inv(CAMERA.K), CAMERA) == []
