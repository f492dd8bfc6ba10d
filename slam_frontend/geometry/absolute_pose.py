"""A camera's pose from landmarks whose positions are known."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.ransac import usac_params
from slam_frontend.geometry.reprojection import Measurements, errors_at, jacobian_by_twist, robust_weights
from slam_frontend.types import Array, Camera

MAX_ITERATIONS = 10  # of a refinement: it starts near, from a pose that was predicted or solved


@dataclass(frozen=True)
class Pose:
    """A solved pose and the (N,) bool mask of the points that agree with it."""

    T_cam_world: Array
    inliers: Array


def solve_pnp(points_world: Array, keypoints: Array, camera: Camera, threshold: float, seed: int = 0) -> Pose | None:
    """The pose that most of the (N,3) points and (N,2) undistorted pixels agree on, to be refined; or None."""
    if len(points_world) < 6:
        return None
    try:
        found, _, rvec, tvec, rows = cv2.solvePnPRansac(
            np.ascontiguousarray(points_world, np.float64),
            np.ascontiguousarray(keypoints, np.float64),
            camera.K,
            np.zeros(4),
            params=usac_params(threshold, seed, locally_optimised=False),
        )
    except cv2.error:  # degenerate samples make some of its solvers throw
        return None
    if not found or rows is None or len(rows) < 6 or not np.isfinite(rvec).all():
        return None
    inliers = np.zeros(len(points_world), bool)
    inliers[np.ravel(rows)] = True
    return Pose(se3.from_rotation_translation(cv2.Rodrigues(rvec)[0], tvec), inliers)


def refine_pose(T_cam_world: Array, points_world: Array, measured: Measurements, camera: Camera) -> Pose | None:
    """The pose that minimises Huber's robust reprojection and disparity error, by Levenberg-Marquardt.

    Inliers are the points under the 95 % bound of the chi-squared distribution at the end.
    """
    damping = 1e-4
    T = T_cam_world
    points = se3.transform(T, points_world)  # in the camera
    residuals = errors_at(points, measured, camera)
    weights, cost = robust_weights(residuals)
    for _ in range(MAX_ITERATIONS):
        flat = jacobian_by_twist(points, measured, camera).reshape(-1, 6)
        weighted = flat.T * np.repeat(weights, 3)
        A = weighted @ flat
        try:
            step = np.linalg.solve(A + damping * np.diag(np.diag(A)), -weighted @ residuals.ravel())
        except np.linalg.LinAlgError:
            return None
        candidate = se3.exp(step) @ T
        new_points = se3.transform(candidate, points_world)
        new_residuals = errors_at(new_points, measured, camera)
        new_weights, new_cost = robust_weights(new_residuals)
        if not new_cost < cost:
            damping *= 10
            if damping > 1e3:
                break
            continue
        converged = cost - new_cost < 1e-3 * cost
        T, points, residuals, weights, cost = candidate, new_points, new_residuals, new_weights, new_cost
        damping = max(damping / 10, 1e-8)
        if converged:
            break
    return Pose(se3.normalise(T), measured.agree(residuals))
