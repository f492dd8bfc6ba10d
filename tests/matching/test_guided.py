"""Landmarks find the keypoints near their projections."""

import numpy as np
import pytest

from slam_frontend.matching import match_projections
from slam_frontend.types import Array, Features

THRESHOLDS = {"max_distance": 0.25, "ratio": 0.85}


def binary_features(keypoints: Array, seed: int = 0, scales: Array | None = None) -> Features:
    count = len(keypoints)
    descriptors = np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)
    scales = np.ones(count, np.float32) if scales is None else np.asarray(scales, np.float32)
    return Features(np.asarray(keypoints, np.float32), np.ones(count, np.float32), descriptors, "hamming", scales)


def flipped(descriptors: Array, fraction: float, seed: int = 1) -> Array:
    """The descriptors with so many of their bits changed."""
    changed = np.random.default_rng(seed).uniform(size=(len(descriptors), descriptors.shape[1] * 8)) < fraction
    return descriptors ^ np.packbits(changed, axis=1)


def scattered(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0, 1, (count, 2)) * (640, 480)


def test_every_landmark_near_its_keypoint_finds_it() -> None:
    features = binary_features(scattered(1000))
    truth = np.random.default_rng(2).permutation(1000)
    projections = features.keypoints[truth] + np.random.default_rng(3).normal(0, 3, (1000, 2))
    descriptors0 = flipped(features.descriptors[truth], 0.1)
    matches = match_projections(projections, descriptors0, features, features.keypoints, 15.0, **THRESHOLDS)
    assert len(matches) > 990
    np.testing.assert_array_equal(truth[matches.indices[:, 0]], matches.indices[:, 1])
    assert (np.diff(matches.indices[:, 0]) > 0).all()
    assert matches.distances.dtype == np.float32 and (matches.distances < 0.25).all()


def test_unit_vectors_match_as_well() -> None:
    rng = np.random.default_rng(0)
    descriptors = rng.normal(size=(500, 64)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    keypoints = scattered(500).astype(np.float32)
    features = Features(keypoints, np.ones(500, np.float32), descriptors, "l2", np.ones(500, np.float32))
    matches = match_projections(keypoints + 4, descriptors, features, keypoints, 12.0, 0.8, 0.85)
    assert len(matches) == 500 and (matches.indices[:, 0] == matches.indices[:, 1]).all()


def test_a_keypoint_outside_the_radius_is_no_candidate_and_each_landmark_has_its_own() -> None:
    features = binary_features(np.array([[100.0, 100.0], [300.0, 100.0]]))
    projections = features.keypoints + np.array([10.0, 0.0])
    radii = np.array([11.0, 9.0])
    matches = match_projections(projections, features.descriptors, features, features.keypoints, radii, **THRESHOLDS)
    np.testing.assert_array_equal(matches.indices, [[0, 0]])


def test_the_keypoints_given_are_used_not_the_distorted_ones() -> None:
    features = binary_features(np.array([[100.0, 100.0]]))
    undistorted = features.keypoints + 50
    matches = match_projections(undistorted, features.descriptors, features, undistorted, 5.0, **THRESHOLDS)
    np.testing.assert_array_equal(matches.indices, [[0, 0]])


def test_two_landmarks_at_one_keypoint_leave_it_to_the_more_similar() -> None:
    features = binary_features(np.array([[100.0, 100.0]]))
    descriptors0 = np.concatenate([flipped(features.descriptors, 0.15), flipped(features.descriptors, 0.05)])
    matches = match_projections(
        np.array([[101.0, 100.0], [99.0, 100.0]]), descriptors0, features, features.keypoints, 5.0, **THRESHOLDS
    )
    np.testing.assert_array_equal(matches.indices, [[1, 0]])


@pytest.mark.parametrize("shift, expected", [(10.0, 0), (1.0, 1)])
def test_a_look_alike_elsewhere_is_a_rival_and_at_the_same_place_is_none(shift: float, expected: int) -> None:
    features = binary_features(np.array([[100.0, 100.0], [100.0 + shift, 100.0]]))
    alike = np.repeat(features.descriptors[:1], 2, axis=0)
    features = Features(features.keypoints, features.scores, alike, "hamming", features.scales)
    matches = match_projections(np.array([[104.0, 100.0]]), alike[:1], features, features.keypoints, 20.0, **THRESHOLDS)
    assert len(matches) == expected


def test_a_keypoint_of_another_scale_is_no_candidate() -> None:
    features = binary_features(scattered(3), scales=np.array([1.0, 1.44, 2.0]))
    matches = match_projections(
        features.keypoints,
        features.descriptors,
        features,
        features.keypoints,
        5.0,
        **THRESHOLDS,
        predicted_scales=np.ones(3),
    )
    np.testing.assert_array_equal(matches.indices[:, 0], [0, 1])


def test_features_of_one_scale_match_whatever_scale_is_predicted() -> None:
    features = binary_features(scattered(3))
    matches = match_projections(
        features.keypoints,
        features.descriptors,
        features,
        features.keypoints,
        5.0,
        **THRESHOLDS,
        predicted_scales=np.array([0.3, 1.0, 3.0]),
    )
    assert len(matches) == 3


def test_a_projection_that_is_not_finite_matches_nothing() -> None:
    features = binary_features(scattered(3))
    projections = features.keypoints.astype(float)
    projections[1] = np.nan
    matches = match_projections(projections, features.descriptors, features, features.keypoints, 5.0, **THRESHOLDS)
    np.testing.assert_array_equal(matches.indices, [[0, 0], [2, 2]])


@pytest.mark.parametrize("num_landmarks, num_keypoints", [(0, 0), (0, 5), (5, 0)])
def test_nothing_to_match_gives_no_matches(num_landmarks: int, num_keypoints: int) -> None:
    features = binary_features(scattered(num_keypoints))
    descriptors0 = np.zeros((num_landmarks, 32), np.uint8)
    matches = match_projections(scattered(num_landmarks), descriptors0, features, features.keypoints, 5.0, **THRESHOLDS)
    assert matches.indices.shape == (0, 2) and matches.distances.shape == (0,)
