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
    rows, seen = _shared_sights(map, free, fixed)
    if not free or not len(rows):
        return
    problem = _gather(map, [*free, *fixed], len(free), rows, seen, camera)
    problem = adjust(problem, camera, FIRST_ITERATIONS)
    good = agreeing(problem, camera)
    problem = adjust(problem.select(good), camera, max_iterations)
    for row, id in enumerate(free):
        _move_keyframe(map, id, se3.normalise(se3.inverse(problem.T_cam_world[row])))
    map.landmarks.positions[map.landmarks.rows(seen)] = problem.points
    map.remove_observations(rows[~good])
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


def _shared_sights(map: LocalMap, free: list[int], fixed: list[int]) -> tuple[Array, Array]:
    """Rows of the observations, and sorted ids of the landmarks, that tie free keyframes to any other."""
    rows = np.flatnonzero(np.isin(map.observed_in, [*free, *fixed]))
    ids, counts = np.unique(map.observed_landmarks[rows], return_counts=True)
    by_free = np.unique(map.observed_landmarks[np.isin(map.observed_in, free)])
    seen = np.intersect1d(ids[counts >= 2], by_free, assume_unique=True)
    return rows[np.isin(map.observed_landmarks[rows], seen)], seen


def _gather(map: LocalMap, ids: list[int], num_free: int, rows: Array, seen: Array, camera: Camera) -> BundleProblem:
    order = np.argsort(ids)
    camera_of = order[np.searchsorted(ids, map.observed_in[rows], sorter=order)]
    T_cam_world = se3.inverse(np.stack([map.poses[id] for id in ids]))
    points = map.landmarks.positions[map.landmarks.rows(seen)]
    point_of = np.searchsorted(seen, map.observed_landmarks[rows])
    return BundleProblem(T_cam_world, num_free, points, camera_of, point_of, _measure(map, rows, camera))


def _move_keyframe(map: LocalMap, keyframe_id: int, T_world_cam: Array) -> None:
    """A new pose for a keyframe; landmarks that it alone sees go with it."""
    step = T_world_cam @ se3.inverse(map.poses[keyframe_id])
    map.poses[keyframe_id] = T_world_cam
    rows = map.landmarks.rows(map.associations(keyframe_id)[1])
    alone = rows[map.num_observations()[rows] == 1]
    map.landmarks.positions[alone] = se3.transform(step, map.landmarks.positions[alone])


def _measure(map: LocalMap, rows: Array, camera: Camera) -> Measurements:
    """Measurements of observations in many keyframes, in the order of ``rows``."""
    parts, places = [], []
    for id in np.unique(map.observed_in[rows]):
        place = np.flatnonzero(map.observed_in[rows] == id)
        parts.append(Measurements.of(map.keyframes[id].view, map.observed_keypoints[rows[place]], camera))
        places.append(place)
    back = np.argsort(np.concatenate(places))
    return Measurements.concatenate(parts).select(back)
