"""The relative pose of two views, or the honest answer that they don't tell."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.relative_pose import TwoView, judge, two_view_candidates
from slam_frontend.geometry.reprojection import CHI2_95, Measurements
from slam_frontend.mapping import BundleProblem, adjust, errors_of
from slam_frontend.types import Array, Camera, View

MAX_ITERATIONS = 10
CLEARLY_WORSE = 1.12  # times the least cost: a rival within could as well be the truth
SAME_ROTATION_DEG = 1.5
SAME_DIRECTION_DEG = 15.0


@dataclass(frozen=True)
class _Refined:
    solution: TwoView
    cost: float  # truncated squared error of all matches in both views


def solve_two_view(
    view0: View, view1: View, camera: Camera, threshold: float, min_parallax: float, seed: int
) -> TwoView | None:
    """The pose that explains matched views (row i of one sees what row i of the other sees) clearly best, or None.

    Each candidate is adjusted to the matches before it is compared: a scene near a plane leaves two
    that explain them equally well, and only a longer baseline tells which is true. For the same reason all
    of them must show ``min_parallax`` (radians): under a short baseline the false one fits the noise better.
    """
    candidates = two_view_candidates(view0.keypoints, view1.keypoints, camera, threshold, seed)
    refined = [_refine(candidate, view0, view1, camera, threshold) for candidate in candidates]
    if not refined or min(one.solution.parallax for one in refined) < min_parallax:
        return None
    best = min(refined, key=lambda one: one.cost)
    rivals = [one for one in refined if one.cost < CLEARLY_WORSE * best.cost]
    return best.solution if all(_alike(one.solution.T_1_0, best.solution.T_1_0) for one in rivals) else None


def _refine(solution: TwoView, view0: View, view1: View, camera: Camera, threshold: float) -> _Refined:
    rows = np.flatnonzero(solution.inliers)
    problem = _problem(solution.T_1_0, solution.points, view0, view1, rows, camera)
    T_1_0 = adjust(problem, camera, MAX_ITERATIONS).T_cam_world[0].copy()
    T_1_0[:3, 3] /= np.linalg.norm(T_1_0[:3, 3])
    refined = judge(T_1_0, view0.keypoints, view1.keypoints, camera, threshold)
    rows = np.flatnonzero(refined.inliers)
    errors = errors_of(_problem(T_1_0, refined.points, view0, view1, rows, camera), camera)
    bound = 2 * CHI2_95[2]
    per_match = (errors**2).sum(axis=1).reshape(2, -1).sum(axis=0)
    unexplained = len(view0.keypoints) - len(rows)
    return _Refined(refined, float(np.minimum(per_match, bound).sum() + bound * unexplained))


def _problem(T_1_0: Array, points: Array, view0: View, view1: View, rows: Array, camera: Camera) -> BundleProblem:
    """View 1 moves, view 0 stays; depth has no say."""
    sights = [Measurements.of(view.select(rows), np.arange(len(rows)), camera) for view in (view1, view0)]
    measured = Measurements.concatenate(sights)
    camera_of, point_of = np.repeat([0, 1], len(rows)), np.tile(np.arange(len(rows)), 2)
    return BundleProblem(np.stack([T_1_0, np.eye(4)]), 1, points[rows], camera_of, point_of, measured)


def _alike(T_a: Array, T_b: Array) -> bool:
    turn = np.rad2deg(se3.rotation_angle(T_a[:3, :3] @ T_b[:3, :3].T))
    cosine = np.clip(T_a[:3, 3] @ T_b[:3, 3], -1, 1)  # translations are unit vectors
    return bool(turn < SAME_ROTATION_DEG and np.rad2deg(np.arccos(cosine)) < SAME_DIRECTION_DEG)
