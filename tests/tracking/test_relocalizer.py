"""A view is found again by what the keyframes look like, and only where it belongs."""

import numpy as np
import pytest
from synthetic import SyntheticWorld, curved_path, frontend_in, view_of

from slam_frontend.config import MatcherConfig, TrackerConfig
from slam_frontend.frontend import Frontend
from slam_frontend.geometry import se3
from slam_frontend.mapping import LocalMap
from slam_frontend.matching import create_matcher
from slam_frontend.tracking.relocalizer import Relocalizer
from slam_frontend.types import Sensor, TrackingState

WORLD = SyntheticWorld(curved_path(40, step=0.05), num_landmarks=300)
RELOCALIZER = Relocalizer(WORLD.camera, TrackerConfig(), create_matcher(MatcherConfig()))


@pytest.fixture(scope="module")
def frontend() -> Frontend:
    """A frontend that has walked through the world with depth."""
    frontend = frontend_in(WORLD, Sensor.RGBD)
    for index in range(len(WORLD)):
        frontend.process(WORLD.frame(index))
    return frontend


@pytest.mark.parametrize("index", [0, 13, 39])
def test_a_view_is_found_where_it_was_taken(frontend: Frontend, index: int) -> None:
    found = list(RELOCALIZER.candidates(view_of(WORLD, index), frontend.map))
    truth = se3.inverse(WORLD.T_world_cam[0]) @ WORLD.T_world_cam[index]
    assert found
    assert min(np.linalg.norm(T[:3, 3] - truth[:3, 3]) for T in found) < 0.03


def test_a_view_of_another_world_is_found_nowhere(frontend: Frontend) -> None:
    stranger = SyntheticWorld(WORLD.T_world_cam, num_landmarks=300, seed=9)
    assert list(RELOCALIZER.candidates(view_of(stranger, 5), frontend.map)) == []


def test_views_and_maps_without_anything_are_found_nowhere(frontend: Frontend) -> None:
    assert list(RELOCALIZER.candidates(view_of(WORLD, 5), LocalMap())) == []
    assert list(RELOCALIZER.candidates(view_of(WORLD, 5).select(np.empty(0, np.int64)), frontend.map)) == []
    bare = LocalMap()
    bare.add_keyframe(view_of(WORLD, 5), np.eye(4))
    assert list(RELOCALIZER.candidates(view_of(WORLD, 5), bare)) == []


def test_a_tracker_that_forgot_where_it_was_finds_itself_with_its_landmarks(frontend: Frontend) -> None:
    frontend.tracker.motion.forget()
    estimate = frontend.tracker.locate(view_of(WORLD, 13), frontend.map)
    assert estimate.state is TrackingState.TRACKING and estimate.T_world_cam is not None
    truth = se3.inverse(WORLD.T_world_cam[0]) @ WORLD.T_world_cam[13]
    assert np.linalg.norm(estimate.T_world_cam[:3, 3] - truth[:3, 3]) < 0.02
    assert len(estimate.landmark_ids) >= 30


def test_a_tracker_reads_the_map_and_never_changes_it(frontend: Frontend) -> None:
    map = frontend.map
    before = (map.landmarks.positions.copy(), map.observed_in.copy(), map.landmarks.times_found.copy(), len(map.poses))
    frontend.tracker.locate(view_of(WORLD, 20), map)
    after = (map.landmarks.positions, map.observed_in, map.landmarks.times_found, len(map.poses))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
