"""The columns of matching, against features that know the truth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from slam_frontend.evaluation.homography import Matching, corner_error, estimate_homography, measure_matching
from slam_frontend.evaluation.pairs import ImagePair, is_inside, warp_points
from slam_frontend.types import Array, Features, Norm

SIZE = (480, 640)
H_1_0 = np.array([[0.9, 0.25, 20.0], [-0.25, 0.9, 120.0], [1e-4, 0, 1.0]])


def pair() -> ImagePair:
    image1 = np.zeros(SIZE, np.uint8)
    image1[0, 0] = 1
    return ImagePair("blank", "viewpoint", np.zeros(SIZE, np.uint8), image1, H_1_0)


class Oracle:
    """Sees the same points in both images, each with its own descriptor, but for so many that it describes wrongly."""

    name = "oracle"
    norm: Norm = "l2"

    def __init__(self, wrong: float = 0.0, noise: float = 0.0, count: int = 600, in_both: bool = True) -> None:
        rng = np.random.default_rng(0)
        points = rng.uniform((0, 0), (639, 479), (3 * count, 2))
        is_shared = is_inside(warp_points(points, H_1_0), SIZE)
        self.points0 = (points[is_shared] if in_both else points)[:count]
        self.points1 = warp_points(self.points0, H_1_0) + rng.normal(0, noise, (len(self.points0), 2))
        rows = rng.normal(size=(len(self.points0), 64)).astype(np.float32)
        self.descriptors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        self.seen1 = self.descriptors.copy()
        bad = rng.permutation(len(rows))[: round(wrong * len(rows))]
        self.seen1[bad] = np.roll(self.seen1[bad], 1, axis=0)

    def extract(self, image: Array) -> Features:
        points, seen = (self.points1, self.seen1) if image[0, 0] else (self.points0, self.descriptors)
        ones = np.ones(len(points), np.float32)
        features = Features(points.astype(np.float32), ones, seen, self.norm, ones)
        return features.select(is_inside(points, SIZE))


def test_perfect_features_score_one_in_every_column() -> None:
    found = measure_matching(Oracle(), pair())
    assert found.nn_map == found.matching_score == found.precision == 1.0
    assert found.corner_error < 0.01


@pytest.mark.parametrize("wrong", [0.25, 0.6])
def test_wrong_descriptors_lower_precision_and_score_by_their_share(wrong: float) -> None:
    found = measure_matching(Oracle(wrong=wrong), pair())
    assert found.precision == pytest.approx(1 - wrong, abs=0.01)
    assert found.matching_score == pytest.approx(1 - wrong, abs=0.01)
    assert found.nn_map < 1 - wrong + 0.01
    assert found.corner_error < 0.01


def test_noisy_keypoints_move_the_corners() -> None:
    errors = [measure_matching(Oracle(noise=noise), pair()).corner_error for noise in (0.1, 1.0)]
    assert 0 < errors[0] < 0.1 < errors[1] < 2


def test_features_that_only_one_image_shows_do_not_lower_the_score() -> None:
    assert measure_matching(Oracle(in_both=False), pair()).matching_score == pytest.approx(1.0, abs=0.01)


def test_right_matches_of_what_the_other_image_does_not_show_do_not_raise_the_score() -> None:
    """Two images share a column of pixels; points just left of it are seen, a little off, on the other's border."""
    narrow = replace(pair(), H_1_0=np.array([[1, 0, -639.0], [0, 1, 0], [0, 0, 1]]))
    oracle = Oracle()
    oracle.points0 = np.column_stack([np.tile([637.0, 639.0], 20), np.arange(40) * 10.0])
    oracle.points1 = np.column_stack([np.zeros(40), oracle.points0[:, 1]])
    oracle.descriptors = oracle.seen1 = np.eye(64, dtype=np.float32)[:40]
    oracle.points1[3, 1] += 5  # of the twenty that are shared, one is wrong
    found = measure_matching(oracle, narrow)
    assert found.precision == pytest.approx(39 / 40)
    assert found.matching_score == pytest.approx((19 / 20 + 39 / 40) / 2)  # image 0 shows all of image 1's forty


@pytest.mark.parametrize("blind", ["in image 0", "in image 1", "in both"])
def test_who_finds_nothing_has_zeros_and_no_homography(blind: str) -> None:
    oracle = Oracle()
    if blind != "in image 1":
        oracle.points0, oracle.descriptors = oracle.points0[:0], oracle.descriptors[:0]
    if blind != "in image 0":
        oracle.points1, oracle.seen1 = oracle.points1[:0], oracle.seen1[:0]
    assert measure_matching(oracle, pair()) == Matching(0.0, 0.0, 0.0, np.inf)


def test_who_finds_nothing_twice_has_zeros() -> None:
    oracle = Oracle(count=1)
    oracle.points1[:, 1] += 20
    assert measure_matching(oracle, pair()) == Matching(0.0, 0.0, 0.0, np.inf)


def test_three_matches_give_no_homography() -> None:
    found = measure_matching(Oracle(count=3), pair())
    assert found.corner_error == np.inf and found.precision == 1.0


def test_matches_that_agree_on_nothing_give_no_homography() -> None:
    """Of points in two strips OpenCV now and then returns a homography that fits none of them, or three."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points0 = rng.uniform((600, 0), (640, 480), (10, 2)).astype(np.float32)
        points1 = rng.uniform((0, 0), (20, 480), (10, 2)).astype(np.float32)
        found.append(estimate_homography(points0, points1, 3.0))
    assert 0 < sum(H_1_0 is None for H_1_0 in found) < 40


def test_a_shifted_homography_is_off_by_the_shift() -> None:
    shift = np.array([[1, 0, 3.0], [0, 1, 4.0], [0, 0, 1]])
    assert corner_error(shift @ H_1_0, H_1_0, SIZE) == pytest.approx(5.0)
    assert corner_error(None, H_1_0, SIZE) == np.inf


def test_a_corner_beyond_the_horizon_is_infinitely_far_off() -> None:
    assert corner_error(np.array([[1, 0, 0], [0, 1, 0], [-1 / 300, 0, 1]]), np.eye(3), SIZE) == np.inf


def test_a_homography_is_as_exact_as_its_right_matches_allow() -> None:
    """OpenCV's RANSAC alone is twice as far off."""
    rng = np.random.default_rng(0)
    ours, best, alone = [], [], []
    for _ in range(20):
        points0 = rng.uniform(0, SIZE[::-1], (400, 2)).astype(np.float32)
        points1 = (warp_points(points0, H_1_0) + rng.normal(0, 1.0, points0.shape)).astype(np.float32)
        points1[:40] = rng.uniform(0, SIZE[::-1], (40, 2))
        ours.append(corner_error(estimate_homography(points0, points1, 3.0), H_1_0, SIZE))
        best.append(corner_error(cv2.findHomography(points0[40:], points1[40:])[0], H_1_0, SIZE))
        alone.append(corner_error(cv2.findHomography(points0, points1, cv2.RANSAC, 3.0)[0], H_1_0, SIZE))
    assert np.mean(ours) < 1.2 * np.mean(best) < 0.7 * np.mean(alone)
