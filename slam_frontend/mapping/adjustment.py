"""Bundle adjustment of the part of the map around a keyframe."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.reprojection import Measurements
from slam_frontend.mapping.bundle_adjustment import BundleProblem, adjust, agreeing
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.types import Array, Camera

FIRST_ITERATIONS = 4  # before sights that disagree are dropped


def adjust_locally(
    map: LocalMap, keyframe_id: int, camera: Camera, window: int, num_fixed: int, max_iterations: int
) -> None:
    """Move the keyframes that share most landmarks with one, and what they see; drop sights that disagree.

    Other keyframes that see the same landmarks hold the rest in place; where there are none, the oldest does.
    """
    free, fixed = _choose(map, keyframe_id, window, num_fixed)
    sights, seen = _shared_sights(map, free, fixed)
    if not free or not len(seen):
        return
    problem = _gather(map, [*free, *fixed], len(free), sights, seen, camera)
    problem = adjust(problem, camera, FIRST_ITERATIONS)
    good = agreeing(problem, camera)
    problem = adjust(problem.select(good), camera, max_iterations)
    for row, id in enumerate(free):
        _move_keyframe(map, id, se3.normalise(se3.inverse(problem.T_cam_world[row])))
    map.landmarks.positions[map.landmarks.rows(seen)] = problem.points
    map.remove_observations(np.concatenate(sights)[~good])
    map.remove_landmarks(map.landmarks.ids[map.num_observations() == 0])


def _choose(map: LocalMap, keyframe_id: int, window: int, num_fixed: int) -> tuple[list[int], list[int]]:
    neighbours = [id for id, _ in map.covisible(keyframe_id)]
    free = [keyframe_id, *neighbours[: window - 1]]
    fixed = neighbours[window - 1 : window - 1 + num_fixed]
    if not fixed:
        oldest = min(free)
        free.remove(oldest)
        fixed = [oldest]
    return free, fixed


def _shared_sights(map: LocalMap, free: list[int], fixed: list[int]) -> tuple[list[Array], Array]:
    """Rows of the observations of each keyframe, and sorted ids of the landmarks, that tie free keyframes to any
    other."""
    rows = [np.flatnonzero(map.observed_in == id) for id in (*free, *fixed)]
    ids, counts = np.unique(map.observed_landmarks[np.concatenate(rows)], return_counts=True)
    by_free = np.unique(map.observed_landmarks[np.isin(map.observed_in, free)])
    seen = np.intersect1d(ids[counts >= 2], by_free, assume_unique=True)
    return [of_one[np.isin(map.observed_landmarks[of_one], seen)] for of_one in rows], seen


def _gather(
    map: LocalMap, ids: list[int], num_free: int, sights: list[Array], seen: Array, camera: Camera
) -> BundleProblem:
    T_cam_world = se3.inverse(np.stack([map.poses[id] for id in ids]))
    points = map.landmarks.positions[map.landmarks.rows(seen)]
    camera_of = np.repeat(np.arange(len(ids)), [len(rows) for rows in sights])
    point_of = np.searchsorted(seen, map.observed_landmarks[np.concatenate(sights)])
    measured = [
        Measurements.of(map.keyframes[id].view, map.observed_keypoints[rows], camera)
        for id, rows in zip(ids, sights, strict=True)
    ]
    return BundleProblem(T_cam_world, num_free, points, camera_of, point_of, Measurements.concatenate(measured))


def _move_keyframe(map: LocalMap, keyframe_id: int, T_world_cam: Array) -> None:
    """A new pose for a keyframe; landmarks that it alone sees go with it."""
    step = T_world_cam @ se3.inverse(map.poses[keyframe_id])
    map.poses[keyframe_id] = T_world_cam
    rows = map.landmarks.rows(map.associations(keyframe_id)[1])
    alone = rows[map.num_observations()[rows] == 1]
    map.landmarks.positions[alone] = se3.transform(step, map.landmarks.positions[alone])
