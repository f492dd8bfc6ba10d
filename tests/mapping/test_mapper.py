"""What a new keyframe does to the map: landmarks that nobody confirms go, doubles become one."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import cKDTree
from synthetic import SyntheticWorld, curved_path, frontend_in

from slam_frontend.frontend import Frontend
from slam_frontend.geometry import se3
from slam_frontend.mapping import LocalMap
from slam_frontend.types import Array, Sensor


def walk(world: SyntheticWorld) -> Frontend:
    """A frontend after all frames of a world."""
    frontend = frontend_in(world, Sensor.RGBD)
    for index in range(len(world)):
        frontend.process(world.frame(index))
    return frontend


def test_no_sight_is_removed_while_an_adjustment_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SyntheticWorld(curved_path(40, step=0.08), noise=1.5)
    frontend = frontend_in(world, Sensor.RGBD)
    keep = LocalMap._keep_observations

    def keep_when_done(map: LocalMap, mask: Array) -> None:
        assert frontend.mapper.adjustment._begun is None
        keep(map, mask)

    monkeypatch.setattr(LocalMap, "_keep_observations", keep_when_done)
    keyframes = [frontend.process(world.frame(index)).keyframe for index in range(len(world))]
    assert any(first and second for first, second in pairwise(keyframes))  # an adjustment takes two frames


def test_a_landmark_that_the_next_keyframe_does_not_see_is_removed() -> None:
    map = walk(SyntheticWorld(curved_path(60), outliers=0.5)).map
    latest = map.latest()
    assert latest is not None
    tried = map.landmarks.born < latest.id
    assert tried.sum() > 100 and (map.num_observations()[tried] < 2).mean() < 0.05


def test_a_landmark_that_is_found_in_less_than_a_quarter_of_the_frames_is_removed() -> None:
    world = SyntheticWorld(curved_path(100))
    frontend = frontend_in(world, Sensor.RGBD)
    for index in range(45):
        frontend.process(world.frame(index))
    table = frontend.map.landmarks
    overlooked, found = frontend.tracker.last_seen[:2]
    table.times_expected[table.rows(np.array([overlooked, found]))] = 1000
    table.times_found[table.rows(np.array([overlooked, found]))] = 200, 300
    assert any(frontend.process(world.frame(index)).keyframe for index in range(45, 100))
    assert overlooked not in table.ids and found in table.ids


def test_a_point_has_one_landmark_where_it_was_found_anew() -> None:
    world = SyntheticWorld(curved_path(60, step=0.08), noise=1.0)
    positions = se3.transform(world.T_world_cam[0], walk(world).map.landmarks.positions)
    distances, points = cKDTree(world.landmarks).query(positions)
    points = points[distances < 0.15]
    assert len(points) > 200 and len(points) < 1.3 * len(np.unique(points))
