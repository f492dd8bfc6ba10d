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
    if not free:
        return
    rows, problem = _gather(map, free, fixed, camera)
    problem = adjust(problem, camera, FIRST_ITERATIONS)
    good = agreeing(problem, camera)
    problem = adjust(problem.select(good), camera, max_iterations)
    for row, id in enumerate(free):
        map.poses[id] = se3.normalise(se3.inverse(problem.T_cam_world[row]))
    point_rows = map.landmarks.rows(np.unique(map.observed_landmarks[rows]))
    map.landmarks.positions[point_rows] = problem.points
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


def _gather(map: LocalMap, free: list[int], fixed: list[int], camera: Camera) -> tuple[Array, BundleProblem]:
    """The observations' rows and the problem that they make; points in the order of their ids."""
    ids = np.array([*free, *fixed])
    seen = np.unique(map.observed_landmarks[np.isin(map.observed_in, free)])
    rows = np.flatnonzero(np.isin(map.observed_in, ids) & np.isin(map.observed_landmarks, seen))
    order = np.argsort(ids)
    camera_of = order[np.searchsorted(ids[order], map.observed_in[rows])]
    T_cam_world = se3.inverse(np.stack([map.poses[id] for id in ids]))
    points = map.landmarks.positions[map.landmarks.rows(seen)]
    point_of = np.searchsorted(seen, map.observed_landmarks[rows])
    return rows, BundleProblem(T_cam_world, len(free), points, camera_of, point_of, _measure(map, rows, camera))


def _measure(map: LocalMap, rows: Array, camera: Camera) -> Measurements:
    """Measurements of observations in many keyframes, in the order of ``rows``."""
    parts, places = [], []
    for id in np.unique(map.observed_in[rows]):
        place = np.flatnonzero(map.observed_in[rows] == id)
        parts.append(Measurements.of(map.keyframes[id].view, map.observed_keypoints[rows[place]], camera))
        places.append(place)
    back = np.argsort(np.concatenate(places)) if places else np.empty(0, np.int64)
    return Measurements.concatenate(parts).select(back)
