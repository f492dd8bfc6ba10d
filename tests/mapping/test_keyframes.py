"""When a view becomes a keyframe, and which keyframe can go."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import CAMERA, SyntheticWorld, curved_path, frontend_in

from slam_frontend.config import MapperConfig
from slam_frontend.mapping import LocalMap
from slam_frontend.mapping.keyframes import KeyframePolicy
from slam_frontend.types import Array, Features, PoseEstimate, Sensor, TrackingState, View

NUM = 200
PIXELS = np.random.default_rng(0).uniform([0, 0], [319, 239], (NUM, 2)).astype(np.float32)


def view_at(index: int, shift: float = 0.0) -> View:
    ones = np.ones(NUM, np.float32)
    pixels = PIXELS + np.float32([shift, 0])
    features = Features(pixels, ones, np.ones((NUM, 8), np.float32), "l2", ones)
    return View(index, index / 30, features, pixels, np.full(NUM, np.nan, np.float32))


def seeing(ids: Array) -> PoseEstimate:
    return PoseEstimate(TrackingState.TRACKING, np.eye(4), ids, ids)


@pytest.fixture
def map() -> LocalMap:
    map = LocalMap()
    keyframe = map.add_keyframe(view_at(0), np.eye(4))
    map.add_landmarks(keyframe, np.arange(NUM), np.random.default_rng(1).uniform(1, 2, (NUM, 3)))
    return map


@pytest.fixture
def policy() -> KeyframePolicy:
    config = MapperConfig(min_tracked=50, min_tracked_fraction=0.5, max_keyframe_gap=20, min_shift=40)
    return KeyframePolicy(config, CAMERA)  # 320 columns: shifts count double


def test_the_first_view_and_one_without_landmarks_are_wanted(policy) -> None:
    assert policy.wants(view_at(0), seeing(np.arange(0)), LocalMap())
    empty = LocalMap()
    empty.add_keyframe(view_at(0), np.eye(4))
    assert policy.wants(view_at(1), seeing(np.arange(0)), empty)


def test_a_view_that_shows_the_same_is_not_wanted(policy, map) -> None:
    assert not policy.wants(view_at(1, shift=10), seeing(np.arange(NUM)), map)


def test_a_view_that_has_shifted_far_is_wanted_in_pixels_of_640_columns(policy, map) -> None:
    assert not policy.wants(view_at(1, shift=19), seeing(np.arange(NUM)), map)
    assert policy.wants(view_at(1, shift=21), seeing(np.arange(NUM)), map)


def test_only_landmarks_that_both_see_tell_of_a_shift(policy) -> None:
    """Half of the keyframe's are out of sight, and half of the view's were seen by another keyframe."""
    map, half = LocalMap(), NUM // 2
    elsewhere = map.add_landmarks(map.add_keyframe(view_at(0), np.eye(4)), np.arange(half), np.ones((half, 3)))
    latest = map.add_keyframe(view_at(1), np.eye(4))
    own = map.add_landmarks(latest, np.arange(NUM), np.ones((NUM, 3)))
    rows = np.random.default_rng(2).permutation(NUM)
    pixels = np.empty((NUM, 2), np.float32)
    pixels[rows] = np.concatenate([PIXELS[60 : 60 + half] + np.float32([12, 0]), PIXELS[:half] + np.float32([500, 0])])
    ids = np.concatenate([own[60 : 60 + half], elsewhere])
    estimate = PoseEstimate(TrackingState.TRACKING, np.eye(4), rows, ids)
    shift = policy._median_shift(latest, map, replace(view_at(2), keypoints=pixels), estimate)
    assert shift == pytest.approx(12, abs=1e-3)


def test_a_view_that_has_lost_half_of_the_landmarks_is_wanted_until_one_is_made(policy, map) -> None:
    assert not policy.wants(view_at(1, shift=5), seeing(np.arange(NUM)), map)
    assert not policy.wants(view_at(2, shift=5), seeing(np.arange(101)), map)
    assert policy.wants(view_at(3, shift=5), seeing(np.arange(99)), map)
    policy.begin()
    assert not policy.wants(view_at(4, shift=5), seeing(np.arange(99)), map)
    assert policy.wants(view_at(5, shift=5), seeing(np.arange(49)), map)


@pytest.mark.parametrize("step", [1, 30])
def test_after_many_views_any_motion_makes_a_keyframe_but_standing_still_does_not(policy, map, step: int) -> None:
    """However their frames are numbered: a recording may be read with a stride."""
    for number in range(1, 20):
        assert not policy.wants(view_at(number * step, shift=3), seeing(np.arange(NUM)), map)
    assert policy.wants(view_at(20 * step, shift=3), seeing(np.arange(NUM)), map)
    assert not policy.wants(view_at(21 * step, shift=0.5), seeing(np.arange(NUM)), map)
    assert not policy.wants(view_at(22 * step, shift=0.5), seeing(np.arange(20)), map)
    policy.begin()
    assert not policy.wants(view_at(23 * step, shift=3), seeing(np.arange(NUM)), map)


def test_a_view_that_shares_nothing_with_the_last_keyframe_is_wanted(policy, map) -> None:
    map.add_keyframe(view_at(1), np.eye(4))
    assert policy.wants(view_at(2), seeing(np.arange(NUM)), map)


def test_a_still_camera_that_sees_little_makes_no_keyframes() -> None:
    path = curved_path(20)
    world = SyntheticWorld(np.concatenate([path, np.tile(path[-1:], (20, 1, 1))]), num_landmarks=120)
    frontend = frontend_in(world, Sensor.RGBD)
    made = [frontend.process(world.frame(index)).keyframe is not None for index in range(len(world))]
    assert not any(made[22:])


def test_a_keyframe_whose_landmarks_three_others_see_can_go_but_never_the_newest_nor_the_oldest(policy, map) -> None:
    for index in (1, 2, 3, 4):
        assert policy.redundant(map) == []
        keyframe = map.add_keyframe(view_at(index), np.eye(4))
        map.observe(keyframe, np.arange(NUM), map.landmarks.ids)
    assert policy.redundant(map) == [1]
    map.remove_keyframe(1)
    assert policy.redundant(map) == []


def test_beyond_the_number_allowed_the_oldest_goes(policy, map) -> None:
    policy.config = MapperConfig(max_keyframes=4)
    for index in range(1, 6):
        keyframe = map.add_keyframe(view_at(index), np.eye(4))
        map.add_landmarks(keyframe, np.arange(NUM), np.ones((NUM, 3)))
    assert policy.redundant(map) == [0, 1]


def test_the_thresholds_hold_for_the_view_it_is_asked_about_alone(policy, map) -> None:
    """Asking twice gives the same answer."""
    far = view_at(1, shift=30)
    assert policy.wants(far, seeing(np.arange(NUM)), map)
    assert policy.wants(replace(far, index=2), seeing(np.arange(NUM)), map)
