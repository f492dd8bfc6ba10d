"""Views between two others, which tell apart poses that explain the two alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from slam_frontend.geometry.absolute_pose import refine_pose
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.relative_pose import TwoView, errors_at_infinity
from slam_frontend.geometry.reprojection import CHI2_95, Measurements, errors_at, keypoint_sigmas
from slam_frontend.geometry.se3 import transform
from slam_frontend.geometry.vectors import row_dots
from slam_frontend.mapping import BundleProblem, adjust, errors_of
from slam_frontend.types import Array, Camera, View

MAX_ITERATIONS = 10


@dataclass(frozen=True)
class Witness:
    """A view that saw some of what two others both see."""

    view: View  # M keypoints
    matches: Array  # (M,) rows of the matches of the two others: what each keypoint shows


@dataclass(frozen=True)
class _Sights:
    """Points that a view shows where a pose has them."""

    view: View
    T_view_0: Array
    keypoint_ids: Array  # (n,)
    matches: Array  # (n,)


def hear(
    solution: TwoView, view0: View, view1: View, witnesses: Sequence[Witness], camera: Camera, threshold: float
) -> tuple[Array, Array]:
    """T_1_0 as all views together have it, and the squared, whitened errors that are left: (N,1+W) of the matches in
    both views, then in each witness, zero where it saw nothing of them.

    A plane's false twin is another plane for each pair of views: what explains two of them fails in a third.
    """
    rows = np.flatnonzero(solution.inliers)
    sights = [_Sights(view1, solution.T_1_0, rows, rows)]
    nearby = np.eye(4)
    for witness in witnesses:
        sights.append(_look(witness, solution, nearby, camera, threshold))
        nearby = sights[-1].T_view_0
    sights.append(_Sights(view0, np.eye(4), rows, rows))
    adjusted = adjust(_bundle(solution, sights, camera), camera, MAX_ITERATIONS)
    near = (errors_of(adjusted, camera) ** 2).sum(axis=1)
    ends = accumulate((len(one.matches) for one in sights), initial=0)
    near1, *near_others, near0 = (near[start:end] for start, end in pairwise(ends))
    T_1_0, *T_others, _ = adjusted.T_cam_world
    errors = np.zeros((len(solution.points), 1 + len(witnesses)))
    errors[:, 0] = nearest(squared_at_infinity(T_1_0, view0, view1, camera), rows, near1 + near0)
    heard = zip(T_others, witnesses, sights[1:-1], near_others, strict=True)
    for column, (T_w_0, witness, seen, near_other) in enumerate(heard, start=1):
        far = squared_at_infinity(T_w_0, view0.select(witness.matches), witness.view, camera)
        errors[witness.matches, column] = nearest(far, seen.keypoint_ids, near_other)
    return T_1_0, errors


def squared_at_infinity(T_1_0: Array, view0: View, view1: View, camera: Camera) -> Array:
    """(N,) squared, whitened errors of matches whose points are infinitely far."""
    sigmas = np.hypot(*(keypoint_sigmas(view.features.scales, camera) for view in (view0, view1)))
    displacement = 2 * errors_at_infinity(T_1_0, view0.keypoints, view1.keypoints, camera)
    return np.asarray(np.nan_to_num(displacement / sigmas, nan=np.inf) ** 2)


def nearest(far: Array, rows: Array, near: Array) -> Array:
    """The lesser of the errors of points at infinity and, in the given rows, of points."""
    errors = far.copy()
    errors[rows] = np.minimum(errors[rows], near)
    return errors


def _look(witness: Witness, solution: TwoView, nearby: Array, camera: Camera, threshold: float) -> _Sights:
    """From where a witness sees a solution's points, and which it does see there."""
    points = solution.points[witness.matches]
    ids = np.flatnonzero(np.isfinite(points[:, 0]))
    points, measured = points[ids], Measurements.of(witness.view, ids, camera)

    def cost(T_w_0: Array) -> float:
        residuals = errors_at(transform(T_w_0, points), measured, camera)
        return float(np.minimum(row_dots(residuals, residuals), CHI2_95[2]).sum())

    refined = [refine_pose(start, points, measured, camera) for start in (nearby, solution.T_1_0)]
    T_w_0 = min([nearby, *(pose.T_cam_world for pose in refined if pose)], key=cost)
    errors = np.linalg.norm(project(transform(T_w_0, points), camera) - witness.view.keypoints[ids], axis=1)
    ids = ids[errors < 2 * threshold]
    return _Sights(witness.view, T_w_0, ids, witness.matches[ids])


def _bundle(solution: TwoView, sights: list[_Sights], camera: Camera) -> BundleProblem:
    """All views but the last may move."""
    place = np.cumsum(solution.inliers) - 1
    return BundleProblem(
        np.stack([one.T_view_0 for one in sights]),
        len(sights) - 1,
        solution.points[solution.inliers],
        np.repeat(np.arange(len(sights)), [len(one.matches) for one in sights]),
        np.concatenate([place[one.matches] for one in sights]),
        Measurements.concatenate([Measurements.of(one.view, one.keypoint_ids, camera) for one in sights]),
    )
