"""Bundle adjustment beside the street: when its result comes in, how long it took doesn't matter, and what holds it."""

import time

import numpy as np
import pytest
from invariants import assert_consistent
from synthetic import CAMERA, SyntheticSequence, SyntheticWorld, curved_path, frontend_in

from slam_frontend.config import MapperConfig
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.mapping import LocalMap, adjustment
from slam_frontend.types import Camera, Features, Sensor, View

WORLD = SyntheticWorld(curved_path(40, step=0.05), noise=0.3)


@pytest.fixture
def walked(synthetic_frontend):
    """A frontend after so many frames."""

    def walk(count: int):
        sequence = SyntheticSequence(WORLD)
        frontend = synthetic_frontend(sequence)
        results = [frontend.process(frame) for frame in list(sequence)[:count]]
        return frontend, results

    return walk


def frame_of_last_keyframe(results) -> int:
    return max(index for index, result in enumerate(results) if result.keyframe is not None)


def test_the_map_stays_as_it_is_until_the_result_is_due(walked) -> None:
    last = frame_of_last_keyframe(walked(40)[1])
    frontend, results = walked(last + 1)
    keyframe = results[-1].keyframe
    assert keyframe is not None
    before = frontend.map.poses[keyframe.id].copy()
    np.testing.assert_array_equal(before, results[-1].estimate.T_world_cam)
    frames = list(SyntheticSequence(WORLD))
    for frame in frames[last + 1 : last + adjustment.DELAY]:
        np.testing.assert_array_equal(frontend.map.poses[keyframe.id], before)
        frontend.process(frame)
    assert np.abs(frontend.map.poses[keyframe.id] - before).max() > 0


def test_a_slow_solver_changes_nothing(walked, monkeypatch) -> None:
    quick, _ = walked(40)
    solve = adjustment._solve

    def dawdle(*arguments):
        time.sleep(0.05)
        return solve(*arguments)

    monkeypatch.setattr(adjustment, "_solve", dawdle)
    slow, _ = walked(40)
    for frontend in (quick, slow):
        frontend.finish()
    assert quick.map.landmarks.positions.tobytes() == slow.map.landmarks.positions.tobytes()
    assert all((quick.map.poses[id] == slow.map.poses[id]).all() for id in quick.map.poses)


def test_finishing_takes_the_last_result_in_and_leaves_a_consistent_map(walked) -> None:
    last = frame_of_last_keyframe(walked(40)[1])
    frontend, results = walked(last + 1)
    online = results[-1].estimate.T_world_cam
    frontend.finish()
    adjusted = frontend.map.poses[results[-1].keyframe.id]
    assert np.abs(adjusted - online).max() > 0
    assert_consistent(frontend.map)
    frontend.finish()
    np.testing.assert_array_equal(frontend.map.poses[results[-1].keyframe.id], adjusted)


def test_a_map_begun_anew_is_not_touched_by_what_the_old_one_had_begun(walked) -> None:
    last = frame_of_last_keyframe(walked(40)[1])
    frontend, _ = walked(last + 1)
    frontend.mapper._begin_segment(frontend.map)
    assert len(frontend.map.landmarks) == 0
    frontend.finish()
    assert len(frontend.map.landmarks) == 0 and not frontend.map.keyframes


def test_what_a_distant_keyframe_shares_by_chance_does_not_move_those_that_agree() -> None:
    """After a turn the first keyframe's place comes into sight again; a few of its keypoints were mistaken."""
    camera, rng = Camera(640, 480, 500.0, 500.0, 319.5, 239.5), np.random.default_rng(2)
    points = rng.uniform([-2, -1.5, 3], [3, 1.5, 6], (120, 3))
    map, poses = LocalMap(), [np.eye(4)]
    poses += [se3.from_rotation_translation(np.eye(3), [0.05 * step, 0, 0]) for step in range(8)]
    for index, T_world_cam in enumerate(poses):
        keypoints = project(se3.transform(se3.inverse(T_world_cam), points), camera).astype(np.float32)
        keypoints += np.float32(12 if index == 0 else 0)
        descriptors, ones = np.ones((len(points), 8), np.float32), np.ones(len(points), np.float32)
        features = Features(keypoints, ones, descriptors, "l2", ones)
        map.add_keyframe(View(index, index / 10, features, keypoints, ones * np.nan), T_world_cam)
    ids = map.add_landmarks(map.keyframes[1], np.arange(len(points)), points)
    for index in range(2, 9):
        map.observe(map.keyframes[index], np.arange(len(points)), ids)
    map.observe(map.keyframes[0], np.arange(6), ids[:6])
    local = adjustment.LocalAdjustment(camera, MapperConfig())
    local.begin(map, 8)
    local.finish(map)
    for index, T_world_cam in enumerate(poses):
        np.testing.assert_allclose(map.poses[index], T_world_cam, atol=1e-3)


def test_points_are_put_back_and_those_that_one_keyframe_sees_alone_go_along_with_it() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform([-1, -1, 3], [1, 1, 5], (61, 3))
    map = LocalMap()
    truth = [se3.from_rotation_translation(np.eye(3), [0.1 * index, 0, 0]) for index in range(3)]
    for index, T_world_cam in enumerate(truth):
        in_camera = se3.transform(se3.inverse(T_world_cam), points)
        keypoints, ones = project(in_camera, CAMERA).astype(np.float32), np.ones(len(points), np.float32)
        features = Features(keypoints, ones, np.ones((len(points), 8), np.float32), "l2", ones)
        map.add_keyframe(View(index, index / 10, features, keypoints, in_camera[:, 2].astype(np.float32)), T_world_cam)
    off = np.array([0.02, 0.01, 0.0])
    map.poses[2] = se3.from_rotation_translation(np.eye(3), off) @ truth[2]
    ids = map.add_landmarks(map.keyframes[0], np.arange(60), points[:60] + rng.normal(0, 0.01, (60, 3)))
    for index in (1, 2):
        map.observe(map.keyframes[index], np.arange(60), ids)
    map.add_landmarks(map.keyframes[2], np.array([60]), points[60:] + off)
    local = adjustment.LocalAdjustment(CAMERA, MapperConfig())
    local.begin(map, 2)
    local.finish(map)
    np.testing.assert_allclose(map.poses[2], truth[2], atol=1e-3)
    np.testing.assert_allclose(map.landmarks.positions, points, atol=2e-3)


def test_the_first_keyframe_never_moves_however_many_others_hold_the_map() -> None:
    rng = np.random.default_rng(4)
    points = rng.uniform([-1, -1, 3], [1, 1, 5], (60, 3))
    map = LocalMap()
    for index in range(5):
        T_world_cam = se3.from_rotation_translation(np.eye(3), [0.1 * index, 0, 0])
        in_camera = se3.transform(se3.inverse(T_world_cam), points)
        keypoints = (project(in_camera, CAMERA) + rng.normal(0, 0.5, (60, 2))).astype(np.float32)
        ones = np.ones(len(points), np.float32)
        features = Features(keypoints, ones, np.ones((len(points), 8), np.float32), "l2", ones)
        map.add_keyframe(View(index, index / 10, features, keypoints, in_camera[:, 2].astype(np.float32)), T_world_cam)
    ids = map.add_landmarks(map.keyframes[0], np.arange(60), points)
    for index, shared in enumerate((30, 30, 30, 60), start=1):
        map.observe(map.keyframes[index], np.arange(shared), ids[:shared])
    before = {id: T_world_cam.copy() for id, T_world_cam in map.poses.items()}
    local = adjustment.LocalAdjustment(CAMERA, MapperConfig(window=3, num_fixed=2))
    local.begin(map, 4)
    local.finish(map)
    moved = [id for id in map.poses if not np.array_equal(map.poses[id], before[id])]
    assert moved == [3, 4]  # with the latest the two that share most with it, of which the first is one


def test_a_landmark_that_lost_all_its_sights_is_removed() -> None:
    world = SyntheticWorld(curved_path(25, step=0.08), noise=1.5)
    frontend = frontend_in(world, Sensor.MONO)
    for index in range(len(world)):
        frontend.process(world.frame(index, rgbd=False))
        assert frontend.map.num_observations().min(initial=1) > 0
    assert len(frontend.map.landmarks) > 100
