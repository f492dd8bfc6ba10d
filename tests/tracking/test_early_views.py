"""Views that the map's start waited through are located once it has landmarks."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import SyntheticSequence, SyntheticWorld, curved_path, frontend_in, refine_for

from slam_frontend.adapters.tracks import TrackLog
from slam_frontend.config import MatcherConfig, TrackerConfig
from slam_frontend.evaluation.trajectory import evaluate
from slam_frontend.frontend import Frontend
from slam_frontend.geometry import se3
from slam_frontend.mapping import LocalMap
from slam_frontend.matching import create_matcher
from slam_frontend.pipeline import run_sequence
from slam_frontend.summary import summarise
from slam_frontend.tracking import early_views, hypothesis
from slam_frontend.types import Array, FrameResult, Sensor, TrackingState, View

WORLD = SyntheticWorld(curved_path(60, step=0.01))


def make_frontend(world: SyntheticWorld = WORLD, sensor: Sensor = Sensor.MONO) -> Frontend:
    return frontend_in(world, sensor)


def start(frontend: Frontend, views: list[View]) -> tuple[int, FrameResult]:
    """How many views came before the first pose, and the result that has it."""
    for position, view in enumerate(views):
        result = frontend.follow(view)
        if result.estimate.state is TrackingState.TRACKING:
            return position, result
        assert result.earlier == ()
    raise AssertionError("no pose at all")


def views_of(frontend: Frontend, indices: range, world: SyntheticWorld = WORLD) -> list[View]:
    return [frontend.see(world.frame(index, rgbd=False)) for index in indices]


def moved(T_from: Array, T_to: Array) -> Array:
    return se3.inverse(T_from) @ T_to


def assert_true(result: FrameResult, first: int, world: SyntheticWorld = WORLD) -> None:
    """Every earlier pose is the true one, in the unit that the pose at the start shows."""
    T_start, truth = result.estimate.T_world_cam, world.T_world_cam
    assert T_start is not None
    true_start = moved(truth[first], truth[result.view.index])[:3, 3]
    unit = np.linalg.norm(T_start[:3, 3]) / np.linalg.norm(true_start)
    for earlier in result.earlier:
        assert earlier.estimate.T_world_cam is not None
        expected = moved(truth[first], truth[earlier.view.index])
        error = moved(expected, earlier.estimate.T_world_cam)
        assert np.rad2deg(se3.rotation_angle(error[:3, :3])) < 0.3
        off = earlier.estimate.T_world_cam[:3, 3] / unit - expected[:3, 3]
        assert np.linalg.norm(off) < 0.1 * np.linalg.norm(true_start)


def test_the_first_pose_brings_those_of_all_views_before_it() -> None:
    frontend = make_frontend()
    waited, result = start(frontend, views_of(frontend, range(60)))
    assert waited >= 4
    assert [earlier.view.index for earlier in result.earlier] == list(range(waited))
    assert_true(result, first=0)
    assert result.earlier[0].keyframe is not None and result.earlier[0].keyframe.id == 0
    assert all(len(earlier.estimate.landmark_ids) > 100 for earlier in result.earlier)
    following = frontend.process(WORLD.frame(waited + 1, rgbd=False))
    assert following.estimate.state is TrackingState.TRACKING and following.earlier == ()


@pytest.mark.parametrize(("num_waiting", "chosen"), [(0, []), (1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (9, [3, 5, 7])])
def test_witnesses_are_spread_over_the_views_that_wait_and_show_the_same_points(num_waiting, chosen) -> None:
    frontend = make_frontend()
    first, *waiting = views_of(frontend, range(num_waiting + 1))
    early = early_views.EarlyViews(WORLD.camera, TrackerConfig())
    early.begin(LocalMap().add_keyframe(first, np.eye(4)))
    for view in waiting:
        early.note(view, create_matcher(MatcherConfig()).match(first.features, view.features))
    ids = np.arange(0, len(first.keypoints), 2)
    witnesses = early.witnesses(ids)
    assert [witness.view.index for witness in witnesses] == chosen
    for witness in witnesses:
        shifts = np.linalg.norm(witness.view.keypoints - first.keypoints[ids[witness.matches]], axis=1)
        assert len(shifts) > 80 and np.median(shifts) < 10 * witness.view.index
    assert early.witnesses(ids[:20]) == []


def test_an_early_view_finds_no_more_landmarks_than_it_should() -> None:
    frontend = make_frontend()
    _, result = start(frontend, views_of(frontend, range(60)))
    for earlier in result.earlier:
        assert np.isin(earlier.estimate.landmark_ids, earlier.estimate.expected_ids).all()


def test_an_early_view_whose_pose_few_landmarks_agree_with_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    frontend = make_frontend()
    monkeypatch.setattr(hypothesis, "refine_pose", refine_for(frontend.tracker.config.min_inliers - 1))
    _, result = start(frontend, views_of(frontend, range(60)))
    assert [earlier.view.index for earlier in result.earlier] == [0]


def test_a_map_that_starts_at_once_locates_its_first_view() -> None:
    frontend = make_frontend()
    waited, result = start(frontend, [*views_of(frontend, range(1)), *views_of(frontend, range(40, 41))])
    assert waited == 1 and [earlier.view.index for earlier in result.earlier] == [0]
    np.testing.assert_array_equal(result.earlier[0].estimate.T_world_cam, np.eye(4))


def test_keypoints_see_the_landmarks_they_are_said_to_see() -> None:
    frontend = make_frontend()
    views = views_of(frontend, range(60))
    for index in (1, 2, 3):  # a fifth of their keypoints look like others
        keypoints = views[index].keypoints.copy()
        keypoints[:40] = np.roll(keypoints[:40], 7, axis=0)
        views[index] = replace(views[index], keypoints=keypoints)
    _, result = start(frontend, views)
    assert [earlier.view.index for earlier in result.earlier[1:4]] == [1, 2, 3]
    table, camera = frontend.map.landmarks, frontend.camera
    for earlier in result.earlier:
        T_world_cam, estimate = earlier.estimate.T_world_cam, earlier.estimate
        assert T_world_cam is not None
        points = se3.transform(se3.inverse(T_world_cam), table.positions[table.rows(estimate.landmark_ids)])
        pixels = points[:, :2] / points[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        errors = np.linalg.norm(pixels - earlier.view.keypoints[estimate.keypoint_ids], axis=1)
        assert np.median(errors) < 0.8 and errors.max() < 3


def test_a_view_that_shows_nothing_or_something_else_stays_without_a_pose() -> None:
    frontend = make_frontend()
    views = views_of(frontend, range(60))
    views[2] = views[2].select(np.arange(0))
    rng = np.random.default_rng(0)
    views[3] = replace(views[3], keypoints=rng.permutation(views[3].keypoints))
    views[4] = views[4].select(np.arange(12))  # fewer than can be believed
    waited, result = start(frontend, views)
    assert waited >= 6
    assert [earlier.view.index for earlier in result.earlier] == [0, 1, *range(5, waited)]
    assert_true(result, first=0)


def test_views_before_a_new_beginning_are_not_part_of_the_map() -> None:
    elsewhere = SyntheticWorld(WORLD.T_world_cam, num_landmarks=800, seed=5)  # with more keypoints
    frontend = make_frontend()
    before = [make_frontend(elsewhere).see(elsewhere.frame(index, rgbd=False)) for index in range(3)]
    waited, result = start(frontend, [*before, *views_of(frontend, range(3, 60))])
    assert waited >= 5
    assert [earlier.view.index for earlier in result.earlier] == list(range(3, waited))
    assert_true(result, first=3)


def test_early_poses_are_of_the_map_that_they_were_found_in() -> None:
    frontend = make_frontend()
    frontend.map.segment = 3
    _, result = start(frontend, views_of(frontend, range(60)))
    assert {earlier.estimate.segment for earlier in result.earlier} == {result.estimate.segment} == {3}


def test_a_long_wait_costs_no_more_than_its_last_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_views, "MAX_VIEWS", 3)
    frontend = make_frontend()
    waited, result = start(frontend, views_of(frontend, range(60)))
    assert [earlier.view.index for earlier in result.earlier] == [0, *range(waited - 3, waited)]


def test_a_map_that_begins_from_depth_has_no_views_before_it() -> None:
    frontend = make_frontend(sensor=Sensor.RGBD)
    without = frontend.process(WORLD.frame(0, rgbd=False)), frontend.process(WORLD.frame(1, rgbd=False))
    begun = frontend.process(WORLD.frame(2))
    assert [result.estimate.state for result in without] == [TrackingState.INITIALIZING] * 2
    assert begun.estimate.state is TrackingState.TRACKING and begun.earlier == ()


def test_the_trajectory_after_mapping_begins_with_the_first_view() -> None:
    world = SyntheticWorld(WORLD.T_world_cam, seed=1)
    sequence = SyntheticSequence(world, Sensor.MONO)
    frontend = make_frontend(world)
    log = TrackLog(frontend)
    result = run_sequence(frontend, sequence, log.update)
    waited = int(result.online.located.argmax())
    assert waited >= 4 and result.final.located.all() and not result.online.located[:waited].any()
    summary = summarise(result, Sensor.MONO, world.truth)
    assert summary.located_afterwards == waited and summary.located == len(world) - waited
    assert summary.online is not None and summary.final is not None  # both of the same frames
    assert summary.final.associated == summary.online.associated == len(world) - waited
    assert evaluate(result.final, world.truth, "sim3").ate.rmse < 0.01
    tracks = log.finish(result.final)
    assert np.bincount(tracks.sight_frames, minlength=len(world)).min() > 100
    assert (np.diff(tracks.sight_frames) >= 0).all()
