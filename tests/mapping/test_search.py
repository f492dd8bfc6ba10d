"""Landmarks are looked for near where they project, at the scale at which they should appear."""

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.mapping import LandmarkSearch, VisibleLandmarks
from slam_frontend.types import Array, Features, Matches, View


def match(projections: Array, descriptors: Array, predicted: Array, keypoints: Array, seen: Array) -> Matches:
    """Landmarks predicted at some scales, matched with keypoints that were found at scales 1 and more."""
    ones = np.ones(len(keypoints), np.float32)
    scales = np.array([1, 3], np.float32)
    features = Features(keypoints, ones, seen / np.linalg.norm(seen, axis=1, keepdims=True), "l2", scales)
    visible = VisibleLandmarks(np.arange(len(projections)), np.zeros((2, 3)), descriptors, projections, predicted)
    return LandmarkSearch(MatcherConfig()).match(visible, View(0, 0.0, features, keypoints, ones), radius=4.0)


def test_of_two_keypoints_at_one_place_a_landmark_takes_that_of_its_scale() -> None:
    place = np.full((2, 2), 100, np.float32)
    seen = np.array([[1, 0], [1, 0.1]], np.float32)
    alike = np.array([[1, 0], [1, 0]], np.float32)
    matches = match(place, alike, np.array([3.0, 1.0]), place, seen)
    assert matches.indices.tolist() == [[0, 1], [1, 0]]


def test_a_landmark_at_a_greater_scale_is_looked_for_farther_away() -> None:
    places = np.array([[100, 100], [200, 100]], np.float32)
    looks = np.eye(2, dtype=np.float32)
    matches = match(places, looks, np.array([1.0, 2.0]), places + np.float32([6, 0]), looks)
    assert matches.indices.tolist() == [[1, 1]]
