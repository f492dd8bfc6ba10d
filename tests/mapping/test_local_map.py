"""The map keeps its books: stable ids, one-to-one sights, and what is gone leaves nothing behind."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invariants import assert_consistent

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import backproject, undistort
from slam_frontend.mapping import LocalMap
from slam_frontend.mapping.landmarks import LandmarkTable
from slam_frontend.types import Array, Camera, Features, View

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
NUM_KEYPOINTS = 20
OPERATIONS = ["keyframe", "born", "seen", "merge", "drop", "unsee", "away"]


def make_view(index: int = 0, num: int = NUM_KEYPOINTS) -> View:
    rng = np.random.default_rng(index)
    keypoints = rng.uniform([0, 0], [639, 479], (num, 2)).astype(np.float32)
    descriptors = rng.normal(size=(num, 8)).astype(np.float32)
    features = Features(keypoints, np.ones(num, np.float32), descriptors, "l2", np.ones(num, np.float32))
    return View(index, index / 30, features, keypoints, np.full(num, np.nan, np.float32))


def shifted(x: float = 0.0, z: float = 0.0) -> Array:
    return se3.from_rotation_translation(np.eye(3), [x, 0, z])


def map_with_landmarks(positions: Array) -> tuple[LocalMap, Array]:
    map = LocalMap()
    keyframe = map.add_keyframe(make_view(num=len(positions)), np.eye(4))
    return map, map.add_landmarks(keyframe, np.arange(len(positions)), np.asarray(positions, float))


def test_ids_stay_when_others_go_and_are_never_used_again() -> None:
    table = LandmarkTable()
    looks = np.zeros((4, 8), np.float32), np.ones(4), np.zeros(3)
    first = table.add(np.arange(12.0).reshape(4, 3), *looks, born=0)
    table.keep(np.array([True, False, True, False]))
    second = table.add(np.full((4, 3), 7.0), *looks, born=1)
    assert not set(first) & set(second)
    assert table.ids.tolist() == [0, 2, 4, 5, 6, 7]
    np.testing.assert_array_equal(table.positions[table.rows(np.array([2, 0]))], [[6, 7, 8], [0, 1, 2]])
    assert table.born.tolist() == [0, 0, 1, 1, 1, 1]


def test_an_empty_table_has_no_rows() -> None:
    assert len(LandmarkTable().rows(np.empty(0, np.int64))) == 0


def test_a_landmark_looks_as_the_newest_keyframe_saw_it() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3]])
    newer = map.add_keyframe(make_view(1), shifted(0.5))
    map.observe(newer, np.array([5]), ids[:1])
    np.testing.assert_array_equal(map.landmarks.descriptors[0], newer.view.features.descriptors[5])
    np.testing.assert_array_equal(map.landmarks.seen_from, [[0.5, 0, 0], [0, 0, 0]])
    before = map.landmarks.descriptors.copy()
    map.observe(map.keyframes[0], np.empty(0, np.int64), np.empty(0, np.int64))
    older = map.keyframes[0]
    extra = map.add_landmarks(newer, np.array([6]), np.array([[0.0, 1, 3]]))
    map.observe(older, np.empty(0, np.int64), extra[:0])
    np.testing.assert_array_equal(map.landmarks.descriptors[:2], before)


def test_associations_and_free_keypoints_are_each_others_rest() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3]])
    keyframe = map.add_keyframe(make_view(1), shifted(0.5))
    map.observe(keyframe, np.array([3, 7]), ids)
    keypoint_ids, landmark_ids = map.associations(keyframe.id)
    assert keypoint_ids.tolist() == [3, 7] and landmark_ids.tolist() == ids.tolist()
    assert map.unassociated(keyframe).tolist() == [i for i in range(NUM_KEYPOINTS) if i not in (3, 7)]
    assert map.num_observations().tolist() == [2, 2]


def test_covisible_keyframes_come_by_what_they_share() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3], [0, 1, 3]])
    for index, seen in ((1, ids[:1]), (2, ids), (3, ids[:0]), (4, ids[1:2])):
        keyframe = map.add_keyframe(make_view(index), np.eye(4))
        map.observe(keyframe, np.arange(len(seen)), seen)
    assert map.covisible(0) == [(2, 3), (4, 1), (1, 1)]
    assert map.covisible(3) == []


def test_a_removed_landmark_leaves_no_sight_and_is_in_the_cloud_only_if_retired() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3], [0, 1, 3]])
    map.remove_landmarks(ids[:1])
    map.remove_landmarks(ids[1:2], retire=True)
    assert map.landmarks.ids.tolist() == [2] and map.observed_landmarks.tolist() == [2]
    assert map.point_cloud().tolist() == [[1, 0, 3], [0, 1, 3]]
    assert map.point_cloud().dtype == np.float32
    assert_consistent(map)


def test_merged_landmarks_are_seen_by_whoever_saw_either_and_by_nobody_twice() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3], [1, 0, 3.01], [0, 1, 3]])
    of_both, of_the_double = (map.add_keyframe(make_view(index), shifted(0.5)) for index in (1, 2))
    map.observe(of_both, np.array([4, 5]), ids[1:3])
    map.observe(of_the_double, np.array([7]), ids[2:3])
    map.merge_landmarks(ids[2:3], ids[1:2])
    assert map.landmarks.ids.tolist() == [0, 1, 3]
    assert [columns.tolist() for columns in map.associations(of_both.id)] == [[4], [1]]
    assert [columns.tolist() for columns in map.associations(of_the_double.id)] == [[7], [1]]
    assert map.num_observations().tolist() == [1, 3, 1]
    np.testing.assert_array_equal(map.landmarks.positions[1], [1, 0, 3])
    assert_consistent(map)


def test_a_removed_keyframe_keeps_its_pose_and_retires_what_it_alone_saw() -> None:
    map, ids = map_with_landmarks([[0, 0, 3], [1, 0, 3]])
    keyframe = map.add_keyframe(make_view(1), shifted(0.5))
    map.observe(keyframe, np.array([0]), ids[:1])
    map.remove_keyframe(0)
    assert list(map.keyframes) == [1] and set(map.poses) == {0, 1}
    assert map.landmarks.ids.tolist() == [0]
    assert len(map.point_cloud()) == 2
    assert map.add_keyframe(make_view(2), np.eye(4)).id == 2
    assert_consistent(map)


def test_a_new_segment_keeps_poses_and_points_but_nothing_to_track() -> None:
    map, _ = map_with_landmarks([[0, 0, 3], [1, 0, 3]])
    map.begin_segment()
    assert map.segment == 1 and map.latest() is None and not len(map.landmarks) and not len(map.observed_in)
    assert len(map.point_cloud()) == 2 and set(map.poses) == {0}
    map.begin_segment()
    assert map.segment == 1  # nothing was tracked in between


def test_landmarks_are_visible_within_the_image_and_its_margin_alone() -> None:
    at_pixel = np.array([[320, 240], [10, 10], [-5, 240], [645, 240], [320, 500]], float)
    positions = np.insert((at_pixel - [319.5, 239.5]) / 500, 2, 1.0, axis=1) * 3
    map, ids = map_with_landmarks(np.concatenate([positions, [[0, 0, -3]]]))
    visible = map.visible_from(np.eye(4), CAMERA)
    assert visible.ids.tolist() == ids[:2].tolist()
    np.testing.assert_allclose(visible.projections, at_pixel[:2], atol=1e-9)
    assert map.visible_from(np.eye(4), CAMERA, margin=10).ids.tolist() == ids[:4].tolist()


def test_landmarks_at_the_border_of_a_barrel_lens_are_visible_to_the_pose_that_saw_them() -> None:
    camera = replace(CAMERA, distortion=(-0.3, 0.08, 0.0, 0.0))
    x, y = np.meshgrid(np.linspace(0, 639, 20), np.linspace(0, 479, 15))
    pixels = undistort(np.stack([x, y], axis=-1).reshape(-1, 2), camera)
    assert pixels.min() < -20
    map, ids = map_with_landmarks(backproject(pixels, np.full(len(pixels), 3.0), camera))
    assert map.visible_from(np.eye(4), camera, margin=0.01).ids.tolist() == ids.tolist()


def test_landmarks_are_looked_for_among_some_where_only_these_matter() -> None:
    positions = np.array([[0, 0, 3], [0.2, 0.1, 3]], float)
    map, ids = map_with_landmarks(positions)
    newer = map.add_keyframe(next(iter(map.keyframes.values())).view, np.eye(4))
    new_ids = map.add_landmarks(newer, np.array([0]), np.array([[0.1, 0, 3]]))
    visible = map.visible_from(np.eye(4), CAMERA, among=np.append(new_ids, new_ids + 100))  # the second never was
    assert visible.ids.tolist() == new_ids.tolist()
    np.testing.assert_allclose(visible.projections, [[319.5 + 500 / 30, 239.5]])
    assert map.visible_from(np.eye(4), CAMERA).ids.tolist() == [*ids, *new_ids]


def test_landmarks_are_visible_from_the_side_and_distance_they_were_seen_from() -> None:
    map, ids = map_with_landmarks([[0, 0, 4]])

    def looking_at_it(angle_deg: float, distance: float) -> Array:
        R = se3.exp(np.array([0, 0, 0, 0, np.deg2rad(angle_deg), 0]))[:3, :3]
        return se3.from_rotation_translation(R, [0, 0, 4] - distance * R[:, 2])

    def is_visible(angle_deg: float, distance: float) -> bool:
        return map.visible_from(looking_at_it(angle_deg, distance), CAMERA).ids.tolist() == ids.tolist()

    assert is_visible(0, 4) and is_visible(50, 4) and is_visible(0, 1.1) and is_visible(0, 15)
    assert not is_visible(70, 4) and not is_visible(180, 4)
    assert not is_visible(0, 0.9) and not is_visible(0, 17)
    assert map.visible_from(looking_at_it(0, 2), CAMERA).scales.tolist() == pytest.approx([2.0])


def test_an_empty_map_shows_nothing() -> None:
    assert len(LocalMap().visible_from(np.eye(4), CAMERA)) == 0
    assert LocalMap().point_cloud().shape == (0, 3)
    assert LocalMap().covisible(0) == []


def test_a_landmark_at_the_camera_centre_is_not_visible_and_divides_nothing_by_zero() -> None:
    map, _ = map_with_landmarks([[0, 0, 3], [0.5, 0, 2]])
    with np.errstate(all="raise"):
        assert len(map.visible_from(shifted(z=3), CAMERA)) == 0
        assert len(map.visible_from(shifted(z=3 - 1e-9), CAMERA)) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 999))))
def test_after_any_operations_the_books_are_right(operations: list[tuple[str, int]]) -> None:
    map = LocalMap()
    for name, seed in operations:
        rng = np.random.default_rng(seed)
        latest = map.latest()
        if name == "keyframe" or latest is None:
            map.add_keyframe(make_view(len(map.poses)), shifted(rng.normal()))
        elif name == "born":
            free = map.unassociated(latest)[:5]
            map.add_landmarks(latest, free, rng.normal(size=(len(free), 3)))
        elif name == "seen":
            free = rng.permutation(map.unassociated(latest))
            new = map.landmarks.ids[~np.isin(map.landmarks.ids, map.associations(latest.id)[1])]
            pairs = min(len(free), len(new), 6)
            map.observe(latest, free[:pairs], rng.permutation(new)[:pairs])
        elif name == "merge":
            doubles, originals = rng.permutation(map.landmarks.ids)[: len(map.landmarks) // 2 * 2].reshape(2, -1)
            map.merge_landmarks(doubles[:3], originals[:3])
        elif name == "drop":
            map.remove_landmarks(rng.permutation(map.landmarks.ids)[:3], retire=bool(seed % 2))
        elif name == "unsee":
            map.remove_observations(rng.permutation(len(map.observed_in))[:4])
        else:
            map.remove_keyframe(int(rng.choice(list(map.keyframes))))
        assert_consistent(map)
