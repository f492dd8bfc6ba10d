"""A pose begins from some of the landmarks seen last, and from all of them where the camera has jumped."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import SyntheticWorld, curved_path, frontend_in, refine_for

from slam_frontend.geometry import se3
from slam_frontend.tracking import hypothesis, tracker
from slam_frontend.types import Array, FrameResult, Sensor, TrackingState

WORLD = SyntheticWorld(curved_path(60, step=0.02), num_landmarks=2000)


class Looks:
    """A frontend on its way, and the landmarks that each look of it into the map was among."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frontend = frontend_in(WORLD, Sensor.RGBD)
        self.among: list[Array | None] = []
        self.margins: list[float] = []
        look = self.frontend.map.visible_from
        monkeypatch.setattr(self.frontend.map, "visible_from", lambda *args, **named: self._note(look, args, named))

    def _note(self, look, args, named):
        self.among.append(named.get("among"))
        self.margins.append(named.get("margin", 0.0))
        return look(*args, **named)

    def follow(self, index: int) -> FrameResult:
        """One more frame; a keyframe looks again after the tracker has."""
        self.among.clear()
        self.margins.clear()
        return self.frontend.process(WORLD.frame(index))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks(monkeypatch)
    for index in range(5):
        looks.follow(index)
    return looks


def test_a_pose_begins_from_an_even_part_of_the_landmarks_seen_last(looks: Looks) -> None:
    recent = looks.frontend.tracker._recent(looks.frontend.map)
    assert len(recent) > 2.5 * tracker.ENOUGH
    result = looks.follow(5)
    assert result.estimate.state is TrackingState.TRACKING
    some, in_sight = looks.among[:2]
    assert some is not None and in_sight is None
    assert 0.6 * tracker.ENOUGH < len(some) <= tracker.ENOUGH == 300
    assert len(np.unique(some)) == len(some) and np.isin(some, recent).all()
    assert some.min() < np.quantile(recent, 0.05) and some.max() > np.quantile(recent, 0.95)
    assert len(result.estimate.landmark_ids) > 1.5 * len(some)  # all in sight refine it


def test_all_of_them_are_looked_for_farther_away_where_few_are_found_near(looks: Looks) -> None:
    recent = looks.frontend.tracker._recent(looks.frontend.map)
    result = looks.follow(16)  # a jump of 30 pixels and more
    assert result.estimate.T_world_cam is not None
    error = se3.inverse(se3.inverse(WORLD.T_world_cam[0]) @ WORLD.T_world_cam[16]) @ result.estimate.T_world_cam
    assert np.linalg.norm(error[:3, 3]) < 0.02
    sizes = [len(ids) for ids in looks.among if ids is not None]
    assert sizes[0] <= tracker.ENOUGH and sizes[1] == len(recent)


def test_the_second_frame_is_followed_by_what_the_first_keyframe_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    frontend = frontend_in(WORLD, Sensor.RGBD)
    monkeypatch.setattr(frontend.tracker.relocalizer, "candidates", lambda *_: iter(()))
    assert all(frontend.process(WORLD.frame(index)).estimate.T_world_cam is not None for index in range(3))


def test_landmarks_are_looked_for_farther_away_while_the_motion_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    first_margins = []
    for index in range(3):
        looks.follow(index)
        first_margins.append(looks.margins[0])
    assert first_margins[1] > first_margins[2] > 0


def test_a_convincing_pose_ends_the_search(looks: Looks) -> None:
    assert looks.follow(5).keyframe is None
    assert len(looks.among) == 2


@pytest.mark.parametrize("num_deceived", [1, 9])
def test_where_much_less_is_found_than_the_last_frame_saw_it_is_looked_for_once_more(
    looks: Looks, monkeypatch: pytest.MonkeyPatch, num_deceived: int
) -> None:
    """Near a wrong place wrong landmarks agree, as where a fast camera stops at once and is expected to go on."""
    settle, some = looks.frontend.tracker._track_local_map, int(0.4 * len(looks.frontend.tracker.last_seen))
    estimates = []

    def settle_deceived(*near):
        found = settle(*near)
        wrong = replace(found, keypoint_ids=found.keypoint_ids[:some], landmark_ids=found.landmark_ids[:some])
        assert some > tracker.CONVINCING * len(found.expected_ids)
        estimates.append(wrong if len(estimates) < num_deceived else found)
        return estimates[-1]

    monkeypatch.setattr(looks.frontend.tracker, "_track_local_map", settle_deceived)
    estimate = looks.follow(5).estimate
    assert len(estimates) == 2
    assert estimate.landmark_ids is max(estimates, key=lambda one: len(one.landmark_ids)).landmark_ids


def test_a_pose_that_few_landmarks_agree_with_is_none(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    too_few = looks.frontend.tracker.config.min_inliers - 1
    monkeypatch.setattr(hypothesis, "refine_pose", refine_for(too_few))
    assert looks.follow(5).estimate.state is TrackingState.LOST
