"""New landmarks lie where the world's points are: from depth, from parallax, and seen again by neighbours."""

from dataclasses import replace

import numpy as np
import pytest
from invariants import assert_consistent
from synthetic import FakeExtractor, SyntheticWorld, curved_path

from slam_frontend.config import MatcherConfig
from slam_frontend.mapping import LandmarkSearch, LocalMap
from slam_frontend.mapping.creation import (
    landmarks_from_depth,
    landmarks_from_parallax,
    link_to_neighbour,
    merge_doubles,
)
from slam_frontend.matching import create_matcher
from slam_frontend.types import Array, Keyframe, View

WORLD = SyntheticWorld(curved_path(30, step=0.05), noise=0.2)
MATCHER = create_matcher(MatcherConfig())
SEARCH = LandmarkSearch(MatcherConfig())


def view_of(index: int, depth: bool) -> View:
    frame = WORLD.frame(index)
    features = FakeExtractor(WORLD).extract(frame.image)
    x, y = np.rint(features.keypoints).astype(int).T
    known = frame.depth[y, x] if depth else np.full(len(features), np.nan, np.float32)
    return View(index, frame.timestamp, features, features.keypoints, known)


def true_ids(keyframe: Keyframe, keypoint_ids: Array) -> Array:
    """Which of the world's points keypoints are: the first ones are in its order, the rest are none."""
    ids, _, _ = WORLD.project(keyframe.view.index)
    return np.concatenate([ids, np.full(1000, -1)])[keypoint_ids]


def keyframe_at(map: LocalMap, index: int, depth: bool = False) -> Keyframe:
    return map.add_keyframe(view_of(index, depth), WORLD.T_world_cam[index])


def errors(map: LocalMap, keyframe: Keyframe) -> Array:
    """Metres from each landmark that a keyframe sees to the point that its keypoint is."""
    keypoint_ids, landmark_ids = map.associations(keyframe.id)
    truth = true_ids(keyframe, keypoint_ids)
    found = map.landmarks.positions[map.landmarks.rows(landmark_ids)]
    return np.linalg.norm(found - WORLD.landmarks[truth], axis=1)[truth >= 0]


def test_depth_makes_a_landmark_of_every_keypoint_that_has_any() -> None:
    map = LocalMap()
    keyframe = keyframe_at(map, 0, depth=True)
    landmarks_from_depth(map, keyframe, WORLD.camera)
    assert len(map.landmarks) == np.isfinite(keyframe.view.depth).sum() > 100
    assert np.median(errors(map, keyframe)) < 0.01
    assert_consistent(map)
    landmarks_from_depth(map, keyframe, WORLD.camera)
    assert len(map.landmarks) == np.isfinite(keyframe.view.depth).sum()  # no keypoint makes two


def test_no_depth_makes_no_landmark() -> None:
    map = LocalMap()
    landmarks_from_depth(map, keyframe_at(map, 0), WORLD.camera)
    assert len(map.landmarks) == 0


def test_parallax_makes_landmarks_that_both_keyframes_see() -> None:
    map = LocalMap()
    first, second = keyframe_at(map, 0), keyframe_at(map, 12)
    landmarks_from_parallax(map, first, second, MATCHER, WORLD.camera, np.deg2rad(1))
    assert len(map.landmarks) > 100
    assert (map.num_observations() == 2).all()
    assert np.median(errors(map, first)) < 0.06  # a quarter of a pixel at 4.5 m
    seen = [true_ids(keyframe, map.associations(keyframe.id)[0]) for keyframe in (first, second)]
    order = [np.argsort(map.associations(keyframe.id)[1]) for keyframe in (first, second)]
    assert (seen[0][order[0]] == seen[1][order[1]]).mean() > 0.98
    assert_consistent(map)


def test_too_little_parallax_makes_none() -> None:
    map = LocalMap()
    first, second = keyframe_at(map, 0), keyframe_at(map, 1)
    landmarks_from_parallax(map, first, second, MATCHER, WORLD.camera, np.deg2rad(3))
    assert len(map.landmarks) == 0
    same = map.add_keyframe(view_of(2, depth=False), WORLD.T_world_cam[0])
    landmarks_from_parallax(map, first, same, MATCHER, WORLD.camera, np.deg2rad(1))  # no baseline at all
    assert len(map.landmarks) == 0


def test_a_neighbour_sees_the_landmarks_that_a_new_keyframe_brought() -> None:
    map = LocalMap()
    neighbour, born = keyframe_at(map, 0, depth=True), keyframe_at(map, 6, depth=True)
    landmarks_from_depth(map, born, WORLD.camera)
    link_to_neighbour(map, born, neighbour, SEARCH, WORLD.camera, radius=4)
    assert len(map.associations(neighbour.id)[0]) > 100
    assert (errors(map, neighbour) < 0.2).mean() > 0.95  # a few points hide behind others
    assert_consistent(map)
    count = len(map.observed_in)
    link_to_neighbour(map, born, neighbour, SEARCH, WORLD.camera, radius=4)
    assert_consistent(map)
    assert len(map.observed_in) - count < 5  # what is linked is not linked again


def test_landmarks_that_two_keyframes_made_of_one_point_become_one() -> None:
    map = LocalMap()
    for index in (0, 6):
        landmarks_from_depth(map, keyframe_at(map, index, depth=True), WORLD.camera)
    first, second = map.keyframes.values()
    apart = len(map.landmarks)
    merge_doubles(map, second, SEARCH, WORLD.camera, radius=4)
    assert_consistent(map)
    assert apart - len(map.landmarks) > 100
    assert (map.num_observations() == 2).sum() == apart - len(map.landmarks)
    known = [dict(zip(*map.associations(keyframe.id)[::-1], strict=True)) for keyframe in (first, second)]
    shared = sorted(known[0].keys() & known[1].keys())
    points = [
        true_ids(keyframe, np.array([of_one[id] for id in shared]))
        for keyframe, of_one in zip((first, second), known, strict=True)
    ]
    assert (points[0] == points[1]).mean() > 0.98
    count = len(map.landmarks)
    merge_doubles(map, second, SEARCH, WORLD.camera, radius=4)
    assert count - len(map.landmarks) < 5  # what is one can't become one again


def test_of_two_landmarks_in_one_place_the_one_that_more_keyframes_see_stays() -> None:
    map = LocalMap()
    first = keyframe_at(map, 0, depth=True)
    landmarks_from_depth(map, first, WORLD.camera)
    old = map.landmarks.ids
    link_to_neighbour(map, first, keyframe_at(map, 3), SEARCH, WORLD.camera, radius=4)
    newest = keyframe_at(map, 6, depth=True)
    landmarks_from_depth(map, newest, WORLD.camera)
    merge_doubles(map, newest, SEARCH, WORLD.camera, radius=4)
    seen = map.associations(newest.id)[1]
    three_times = map.landmarks.ids[map.num_observations() == 3]
    assert len(three_times) > 50 and np.isin(three_times, old).all() and np.isin(three_times, seen).all()


@pytest.mark.parametrize("depth", [True, False])
def test_views_without_keypoints_bring_nothing_and_do_not_fail(depth: bool) -> None:
    map = LocalMap()
    full = keyframe_at(map, 0, depth=True)
    landmarks_from_depth(map, full, WORLD.camera)
    nothing = view_of(3, depth).select(np.empty(0, np.int64))
    empty = map.add_keyframe(replace(nothing, index=3), WORLD.T_world_cam[3])
    count = len(map.landmarks)
    landmarks_from_depth(map, empty, WORLD.camera)
    landmarks_from_parallax(map, full, empty, MATCHER, WORLD.camera, 0.01)
    link_to_neighbour(map, empty, full, SEARCH, WORLD.camera, 4)
    link_to_neighbour(map, full, empty, SEARCH, WORLD.camera, 4)
    merge_doubles(map, empty, SEARCH, WORLD.camera, 4)
    assert len(map.landmarks) == count
