"""A map begins from depth at once, or from two views with parallax."""

import numpy as np
import pytest
from synthetic import SyntheticWorld, curved_path, frontend_in, view_of

from slam_frontend.config import InitializerConfig, MatcherConfig, TrackerConfig
from slam_frontend.geometry import se3
from slam_frontend.mapping import LocalMap
from slam_frontend.matching import create_matcher
from slam_frontend.tracking import EarlyViews, Initializer
from slam_frontend.tracking.two_view import Answer
from slam_frontend.types import Sensor, TrackingState, View

WORLD = SyntheticWorld(curved_path(30, step=0.03))


def initializer(awaits_depth: bool = False) -> Initializer:
    early = EarlyViews(WORLD.camera, TrackerConfig())
    return Initializer(WORLD.camera, InitializerConfig(), create_matcher(MatcherConfig()), early, 0, awaits_depth)


@pytest.fixture
def map() -> LocalMap:
    """One keyframe, at the first view."""
    map = LocalMap()
    map.add_keyframe(view_of(WORLD, 0), np.eye(4))
    return map


def test_enough_depth_begins_a_map_at_the_origin() -> None:
    view = view_of(WORLD, 0)
    depth = np.full(len(view.features), np.nan, np.float32)
    depth[:49] = 2.0
    assert initializer().begin(view_of(WORLD, 0, depth)).state is TrackingState.INITIALIZING
    depth[:50] = 2.0
    estimate = initializer().begin(view_of(WORLD, 0, depth))
    assert estimate.state is TrackingState.TRACKING
    np.testing.assert_array_equal(estimate.T_world_cam, np.eye(4))


def test_two_views_with_parallax_begin_a_map_whose_unit_is_the_median_depth(map: LocalMap) -> None:
    estimate = initializer().pair(view_of(WORLD, 20), map)
    assert estimate.state is TrackingState.TRACKING and estimate.T_world_cam is not None
    truth = se3.inverse(WORLD.T_world_cam[0]) @ WORLD.T_world_cam[20]
    turn = estimate.T_world_cam[:3, :3].T @ truth[:3, :3]
    assert np.rad2deg(se3.rotation_angle(turn)) < 1
    _, _, depths = WORLD.project(0)
    np.testing.assert_allclose(estimate.T_world_cam[:3, 3], truth[:3, 3] / np.median(depths), atol=0.02)


def test_two_views_without_parallax_wait_and_tell_what_they_share(map: LocalMap) -> None:
    for index in (0, 1):
        estimate = initializer().pair(view_of(WORLD, index), map)
        assert estimate.state is TrackingState.INITIALIZING and estimate.T_world_cam is None
        assert len(estimate.paired_ids) > 60 and not len(estimate.keypoint_ids)


def test_in_front_of_a_plane_the_views_that_waited_tell_the_twins_apart() -> None:
    """The first view and a later one alone leave both standing for ten frames and more."""
    turn = np.linspace(0, np.pi / 3, 10)
    T_world_cam = np.tile(np.eye(4), (10, 1, 1))
    T_world_cam[:, :3, 3] = np.stack([0.5 * np.sin(turn), 0.3 * (1 - np.cos(turn)), 0.2 * np.sin(2 * turn)], axis=1)
    for seed in range(3):
        world = SyntheticWorld(T_world_cam, noise=0.2, seed=seed)
        world.landmarks[:, 2] = 4 + world.landmarks[:, :2] @ [0.3, -0.2]
        frontend = frontend_in(world, Sensor.MONO)
        located = [frontend.process(world.frame(index, rgbd=False)).estimate.T_world_cam for index in range(10)]
        assert located[-1] is not None
        index, start = next((index, pose) for index, pose in enumerate(located) if pose is not None)
        direction, truth = (T[:3, 3] / np.linalg.norm(T[:3, 3]) for T in (start, T_world_cam[index]))
        assert np.rad2deg(np.arccos(direction @ truth)) < 3


def test_a_sensor_with_depth_does_not_begin_without_it(map: LocalMap) -> None:
    estimate = initializer(awaits_depth=True).pair(view_of(WORLD, 20), map)
    assert estimate.state is TrackingState.INITIALIZING and len(estimate.paired_ids) > 60
    known = np.full(len(view_of(WORLD, 20).features), 3.0, np.float32)
    assert initializer(awaits_depth=True).pair(view_of(WORLD, 20, known), map).state is TrackingState.TRACKING


def test_views_that_share_little_or_nothing_wait(map: LocalMap) -> None:
    view = view_of(WORLD, 20)
    for count in (0, 1, 7, 30):
        few = view.select(np.arange(count))
        assert initializer().pair(few, map).state is TrackingState.INITIALIZING
    assert initializer().begin(view.select(np.arange(0))).state is TrackingState.INITIALIZING


def test_shuffled_descriptors_begin_no_map(map: LocalMap) -> None:
    view = view_of(WORLD, 20)
    order = np.random.default_rng(0).permutation(len(view.features))
    wrong = View(view.index, view.timestamp, view.features, view.keypoints[order], view.depth)
    assert initializer().pair(wrong, map).state is TrackingState.INITIALIZING


def test_noisy_views_wait_for_parallax_with_the_first_one() -> None:
    """As of a compressed video: all views are as noisy as the first one, so that nothing is won by another."""
    world = SyntheticWorld(curved_path(60, step=0.03), noise=1.0)
    world.landmarks[:, 2] = 4 + world.landmarks[:, :2] @ [0.3, -0.2]
    frontend = frontend_in(world, Sensor.MONO)
    results = [frontend.process(world.frame(index, rgbd=False)) for index in range(60)]
    before = [result for result in results if result.estimate.T_world_cam is None]
    assert [result.view.index for result in before if result.keyframe is not None] == [0]
    assert len(before) < 40


def test_a_blurred_view_gives_its_place_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slam_frontend.tracking.initializer.solve_two_view", lambda *_: Answer(is_first_blurred=True))
    frontend = frontend_in(WORLD, Sensor.MONO)
    assert all(frontend.process(WORLD.frame(index, rgbd=False)).keyframe is not None for index in range(3))


def test_what_is_shared_is_told_by_the_rows_of_the_later_view(map: LocalMap) -> None:
    view = view_of(WORLD, 1)
    last = view.select(np.arange(len(view.features))[-80:])
    ids = initializer().pair(last, map).paired_ids
    assert len(ids) > 40 and ids.max() < 80
