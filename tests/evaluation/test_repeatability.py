"""Repeatability against detectors whose behaviour is known."""

import numpy as np
import pytest

from slam_frontend.evaluation.pairs import ImagePair, is_inside, warp_points
from slam_frontend.evaluation.points import Detector, ScoredPoints, suppress_neighbours
from slam_frontend.evaluation.repeatability import RepeatabilityProtocol, measure_repeatability
from slam_frontend.types import Array

SIZE = (240, 320)
H_1_0 = np.array([[0.95, 0.2, 5.0], [-0.2, 0.95, 30.0], [0, 0, 1.0]])


def pair() -> ImagePair:
    """Two blank images: the detectors here tell them apart by their first pixel."""
    image1 = np.zeros(SIZE, np.uint8)
    image1[0, 0] = 1
    return ImagePair("blank", "viewpoint", np.zeros(SIZE, np.uint8), image1, H_1_0)


def grid(step: int = 18) -> Array:
    y, x = np.mgrid[4 : SIZE[0] : step, 4 : SIZE[1] : step]
    return np.stack([x.ravel(), y.ravel()], 1).astype(float)


def detector(points0: Array, points1: Array, shift: tuple[float, float] = (0, 0)) -> Detector:
    """Sees the points of each image that lie inside it, those of image 1 moved; earlier rows score higher."""

    def detect(image: Array) -> ScoredPoints:
        points = points1 + np.array(shift) if image[0, 0] else points0
        scores = np.linspace(1, 0.5, len(points), dtype=np.float32)
        inside = is_inside(points, SIZE)
        return ScoredPoints(points[inside].astype(np.float32), scores[inside])

    return detect


def test_a_perfect_detector_repeats_every_point_exactly() -> None:
    found = measure_repeatability(detector(grid(), warp_points(grid(), H_1_0)), pair())
    assert found.repeatability == 1.0
    assert found.localisation_error == pytest.approx(0, abs=1e-4)


def test_a_shift_is_the_localisation_error() -> None:
    found = measure_repeatability(detector(grid(), warp_points(grid(), H_1_0), shift=(1.2, 0.5)), pair())
    assert found.repeatability > 0.97  # points that the shift moves over the border are not shared
    assert found.localisation_error == pytest.approx(1.3, abs=1e-3)


def test_points_further_than_the_threshold_are_not_repeated() -> None:
    detect = detector(grid(), warp_points(grid(), H_1_0), shift=(3.1, 0))
    assert measure_repeatability(detect, pair()).repeatability == 0


def test_half_the_points_missing_in_one_image_counts_in_both_directions() -> None:
    shared = grid()[is_inside(warp_points(grid(), H_1_0), SIZE)]
    found = measure_repeatability(detector(shared, warp_points(shared[::2], H_1_0)), pair())
    half = len(shared[::2])
    assert found.repeatability == pytest.approx(2 * half / (len(shared) + half), abs=0.01)


def test_points_that_the_other_image_does_not_show_are_left_out() -> None:
    outside = grid()[~is_inside(warp_points(grid(), H_1_0), SIZE)]
    assert len(outside) > 20
    shared = grid()[is_inside(warp_points(grid(), H_1_0), SIZE)]
    with_outside = detector(np.concatenate([outside, shared]), warp_points(shared, H_1_0))
    assert measure_repeatability(with_outside, pair()).repeatability > 0.99


def test_only_the_best_points_count() -> None:
    good = grid()
    bad = good + 9
    points0 = np.concatenate([good, bad])
    detect = detector(points0, np.concatenate([warp_points(good, H_1_0), warp_points(bad + 5, H_1_0)]))
    few, many = RepeatabilityProtocol(num_points=100), RepeatabilityProtocol(num_points=1000)
    assert measure_repeatability(detect, pair(), few).repeatability == 1
    assert measure_repeatability(detect, pair(), many).repeatability < 0.8


def test_no_points_at_all_can_not_be_measured() -> None:
    found = measure_repeatability(detector(np.empty((0, 2)), np.empty((0, 2))), pair())
    assert np.isnan(found.repeatability) and np.isnan(found.localisation_error)


def test_points_in_one_image_only_repeat_never() -> None:
    assert measure_repeatability(detector(grid(), np.empty((0, 2))), pair()).repeatability == 0


def test_suppression_keeps_the_better_of_neighbours_and_chains_end() -> None:
    keypoints = np.array([[10, 10], [13, 10], [16, 10], [19, 15], [40, 40]], np.float32)
    scores = np.array([0.9, 0.8, 0.7, 0.95, 0.1], np.float32)
    kept = suppress_neighbours(ScoredPoints(keypoints, scores), 4)
    # 13 falls to 10; 16 is nobody's neighbour any more: 10 is 6 away, 19 is 5 away in y.
    np.testing.assert_array_equal(kept.keypoints, [[19, 15], [10, 10], [16, 10], [40, 40]])


def test_suppressed_points_are_further_apart_than_the_radius() -> None:
    rng = np.random.default_rng(0)
    points = ScoredPoints(rng.uniform(0, 100, (2000, 2)).astype(np.float32), rng.uniform(size=2000))
    kept = suppress_neighbours(points, 4).keypoints
    apart = np.abs(kept[:, None] - kept[None]).max(2) + np.eye(len(kept)) * 100
    assert apart.min() > 4
    assert np.abs(points.keypoints[:, None] - kept[None]).max(2).min(1).max() <= 4  # and nothing more was dropped
