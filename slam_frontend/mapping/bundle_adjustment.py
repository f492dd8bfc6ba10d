"""Poses and points that explain what the keyframes saw: Levenberg-Marquardt with the Schur complement.

Triggs 1999, section 6.1: points are eliminated, the small system of the cameras is solved, and
the points follow. All blocks are dense arrays; a point sees each camera once at most. A sight's
derivatives are taken by the point as it lies in the camera; turned by the camera's rotation they
are those by the point in the world, carried on to a twist those by the camera's pose.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from slam_frontend.geometry import se3
from slam_frontend.geometry.reprojection import (
    Measurements,
    chain_to_twist,
    errors_at,
    jacobian_by_point,
    normal_equations_by_point,
    robust_weights,
)
from slam_frontend.types import Array, Camera

MIN_DAMPING, MAX_DAMPING = 1e-8, 1e4
CONVERGED = 5e-3  # relative gain of a step under which another one isn't worth its time
SLIGHTLY = 1e-6  # damping that changes no result, but makes up for a world's free scale


@dataclass(frozen=True)
class BundleProblem:
    """K cameras, of which the first ``num_free`` may move, P points, and n sights of points by cameras, in the order
    of the cameras."""

    T_cam_world: Array  # (K,4,4)
    num_free: int
    points: Array  # (P,3) world
    camera_of: Array  # (n,) row of the camera, ascending
    point_of: Array  # (n,) row of the point
    measured: Measurements  # n rows

    def select(self, rows: Array) -> "BundleProblem":
        """The same with some of the sights only."""
        return replace(
            self,
            camera_of=self.camera_of[rows],
            point_of=self.point_of[rows],
            measured=self.measured.select(rows),
        )


def adjust(problem: BundleProblem, camera: Camera, max_iterations: int) -> BundleProblem:
    """The problem with poses and points moved to the least robust cost; never worse than before."""
    damping = 1e-4
    system = _linearise(problem, camera)
    for _ in range(max_iterations):
        candidate = _step(problem, system, damping)
        cost = robust_cost(candidate, camera) if candidate else np.inf
        if candidate is None or not cost < system.cost:
            damping *= 10
            if damping > MAX_DAMPING:
                break
            continue
        gain = 1 - cost / system.cost
        problem, damping = candidate, max(damping / 10, MIN_DAMPING)
        if gain < CONVERGED:
            break
        system = _linearise(problem, camera)
    return problem


def agreeing(problem: BundleProblem, camera: Camera) -> Array:
    """(n,) bool: sights within the 95 % bound."""
    return problem.measured.agree(errors_of(problem, camera))


def errors_of(problem: BundleProblem, camera: Camera) -> Array:
    """(n,3) whitened errors of the sights."""
    return errors_at(_points_in_cameras(problem), problem.measured, camera)


def robust_cost(problem: BundleProblem, camera: Camera) -> float:
    """The robust cost of all sights."""
    return robust_weights(errors_of(problem, camera))[1]


def condense(problem: BundleProblem, camera: Camera, J: Array) -> tuple[Array, Array]:
    """What the sights say of L more parameters that all of them share: (L,L) information and (L,) gradient, with poses
    and points eliminated. ``J`` (n,3,L) are derivatives of the whitened errors by these."""
    system, L, F = _linearise(problem, camera), J.shape[2], problem.num_free
    p = _points_in_cameras(problem)
    residuals = errors_at(p, problem.measured, camera)
    weighted = robust_weights(residuals)[0][:, None, None] * J
    pulled = np.einsum("nki,nkl->nil", jacobian_by_point(p, problem.measured, camera), weighted)  # (n,3,L)
    by_camera = [_pulled_back(p[sights], pulled[sights]) for sights in _sights_by_camera(problem)[:F]]
    in_world = np.einsum("nki,nkl->nil", problem.T_cam_world[problem.camera_of, :3, :3], pulled)
    by_point = _sums(in_world.reshape(-1, 3 * L), problem.point_of, len(problem.points)).reshape(-1, 3, L)
    mixed = np.dstack([system.mixed, by_point])  # (P,3,6F+L)
    reduced, through_points = _through_points(mixed, _inverses(_damped(system.points, SLIGHTLY)))
    gradient = np.concatenate([system.camera_gradient, np.einsum("nkl,nk->l", weighted, residuals)])
    gradient -= reduced.T @ system.point_gradient.ravel()
    cameras = _block_diagonal(_damped(system.cameras, SLIGHTLY)) - through_points[: 6 * F, : 6 * F]
    across = np.concatenate(by_camera) - through_points[: 6 * F, 6 * F :]
    own = np.einsum("nkl,nkm->lm", J, weighted) - through_points[6 * F :, 6 * F :]
    followed = np.linalg.solve(cameras, across).T  # (L,6F)
    return own - followed @ across, gradient[6 * F :] - followed @ gradient[: 6 * F]


@dataclass(frozen=True)
class _System:
    """Normal equations in blocks."""

    cameras: Array  # (F,6,6)
    points: Array  # (P,3,3)
    mixed: Array  # (P,3,6F)
    camera_gradient: Array  # (6F,)
    point_gradient: Array  # (P,3)
    cost: float


def _linearise(problem: BundleProblem, camera: Camera) -> _System:
    F, P = problem.num_free, len(problem.points)
    p = _points_in_cameras(problem)
    residuals = errors_at(p, problem.measured, camera)
    weights, cost = robust_weights(residuals)
    H, g = normal_equations_by_point(p, residuals, weights, problem.measured, camera)
    R = problem.T_cam_world[:, :3, :3]
    both_sides = np.einsum("kai,kbj->kabij", R, R).reshape(-1, 9, 9)  # R' H R, with a matrix in a row
    left_side = np.einsum("kai,bj->kabij", R, np.eye(6)).reshape(-1, 18, 18)
    by_point = np.empty((len(p), 12))
    cameras, camera_gradient = np.empty((F, 6, 6)), np.empty((F, 6))
    mixed = np.zeros((P, 3, F, 6))
    for k, sights in enumerate(_sights_by_camera(problem)):
        by_point[sights, :9], by_point[sights, 9:] = H[sights].reshape(-1, 9) @ both_sides[k], g[sights] @ R[k]
        if k < F:
            half = chain_to_twist(H[sights], p[sights])  # H J, with J = [I, -hat(p)] the point's derivative by a twist
            mixed[problem.point_of[sights], :, k] = (half.reshape(-1, 18) @ left_side[k]).reshape(-1, 3, 6)
            cameras[k] = _pulled_back(p[sights], half)
            camera_gradient[k] = _pulled_back(p[sights], g[sights, :, None])[:, 0]
    points, point_gradient = np.split(_sums(by_point, problem.point_of, P), [9], axis=1)
    blocks = cameras, points.reshape(P, 3, 3), mixed.reshape(P, 3, 6 * F)
    return _System(*blocks, camera_gradient.ravel(), point_gradient, cost)


def _sums(rows: Array, owners: Array, count: int) -> Array:
    """(count,m): the (n,m) rows added up by their (n,) owners."""
    incidence = csr_array((np.ones(len(owners)), owners, np.arange(len(owners) + 1)), shape=(len(owners), count))
    return np.asarray(incidence.T @ rows)


def _pulled_back(p: Array, columns: Array) -> Array:
    """(6,m): the sum of J' times (n,3,m) columns, J = [I, -hat(p)]."""
    moments = (p.T @ columns.reshape(len(p), 3 * columns.shape[2])).reshape(3, 3, -1)  # of each axis of p with each row
    turning = moments[[1, 2, 0], [2, 0, 1]] - moments[[2, 0, 1], [1, 2, 0]]  # p x columns
    return np.concatenate([columns.sum(axis=0), turning])


def _step(problem: BundleProblem, system: _System, damping: float) -> BundleProblem | None:
    F = problem.num_free
    inverse = _inverses(_damped(system.points, damping))  # (P,3,3)
    reduced, through_points = _through_points(system.mixed, inverse)
    schur = _block_diagonal(_damped(system.cameras, damping)) - through_points
    try:
        step = np.linalg.solve(schur, reduced.T @ system.point_gradient.ravel() - system.camera_gradient)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(step).all():
        return None
    shift = -np.einsum("pij,pj->pi", inverse, system.point_gradient) - (reduced @ step).reshape(-1, 3)
    T = problem.T_cam_world.copy()
    T[:F] = se3.exp(step.reshape(F, 6)) @ T[:F]
    return replace(problem, T_cam_world=T, points=problem.points + shift)


def _through_points(mixed: Array, inverse: Array) -> tuple[Array, Array]:
    """(3P,m) and (m,m): the (P,3,3) inverses of the points' blocks by the (P,3,m) mixed ones, and these by that."""
    reduced = (inverse @ mixed).reshape(-1, mixed.shape[2])
    return reduced, mixed.reshape(-1, mixed.shape[2]).T @ reduced


def _points_in_cameras(problem: BundleProblem) -> Array:
    parts = [
        se3.transform(T, problem.points[problem.point_of[sights]])
        for T, sights in zip(problem.T_cam_world, _sights_by_camera(problem), strict=True)
    ]
    return np.concatenate(parts)


def _sights_by_camera(problem: BundleProblem) -> list[slice]:
    """The rows of each camera's sights."""
    bounds = np.searchsorted(problem.camera_of, np.arange(len(problem.T_cam_world) + 1)).tolist()
    return [slice(*pair) for pair in pairwise(bounds)]


def _damped(blocks: Array, damping: float) -> Array:
    diagonal = np.einsum("nii->ni", blocks)
    extra = damping * diagonal + 1e-9
    return np.asarray(blocks + extra[:, :, None] * np.eye(blocks.shape[1]))


def _inverses(blocks: Array) -> Array:
    """Of (P,3,3) symmetric positive matrices, by their cofactors: eight times faster than one by one."""
    a, b, c = blocks[:, 0].T
    d, e = blocks[:, 1, 1:].T
    f = blocks[:, 2, 2]
    A, B, C = d * f - e * e, c * e - b * f, b * e - c * d
    D, E, F = a * f - c * c, b * c - a * e, a * d - b * b
    cofactors = np.stack([A, B, C, B, D, E, C, E, F], axis=1)
    return np.asarray((cofactors / (a * A + b * B + c * C)[:, None]).reshape(-1, 3, 3))


def _block_diagonal(blocks: Array) -> Array:
    F, size, _ = blocks.shape
    matrix = np.zeros((F, size, F, size))
    matrix[np.arange(F), :, np.arange(F), :] = blocks
    return matrix.reshape(F * size, F * size)
