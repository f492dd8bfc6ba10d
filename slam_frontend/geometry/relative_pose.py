"""How two views stand to each other, from matches alone."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import normalised, project
from slam_frontend.geometry.homography import decompose_homography, find_homography, homography_errors
from slam_frontend.geometry.ransac import usac_params
from slam_frontend.geometry.triangulation import parallax, triangulate
from slam_frontend.types import Array, Camera


@dataclass(frozen=True)
class TwoView:
    """A relative pose up to scale (unit translation), and what it makes of the matches."""

    T_1_0: Array  # (4,4)
    points: Array  # (N,3) in camera 0, NaN where the match disagrees
    parallax: float  # angle between its rays that a quarter of the points exceed, radians

    @property
    def inliers(self) -> Array:
        """(N,) bool: matches that have a point."""
        return np.asarray(np.isfinite(self.points[:, 0]))


def solve_two_view(
    keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float, seed: int = 0
) -> TwoView | None:
    """The relative pose that explains most (N,2) undistorted matches, or None where none stands out.

    A homography is tried where it explains the matches nearly as well as the essential matrix does
    (a plane, or little parallax), as in Mur-Artal 2015, section IV.
    """
    if len(keypoints0) < 8:
        return None
    E, inliers_E = _find_essential(keypoints0, keypoints1, camera, threshold, seed)
    H = find_homography(keypoints0, keypoints1, threshold, seed)
    candidates: list[Array] = []
    planar = 0.0
    if H is not None:
        errors = homography_errors(H, keypoints0, keypoints1)
        planar = float((errors < threshold).sum() / max(inliers_E.sum(), 1))
    if H is not None and planar > 0.8:
        candidates += decompose_homography(H, camera)
    if E is not None and not candidates:
        candidates += _decompose_essential(E)
    return _clear_winner([_judge(T_1_0, keypoints0, keypoints1, camera, threshold) for T_1_0 in candidates])


def _find_essential(
    keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float, seed: int
) -> tuple[Array | None, Array]:
    none = np.zeros(len(keypoints0), bool)
    points0, points1 = np.asarray(keypoints0, np.float64), np.asarray(keypoints1, np.float64)
    try:
        E, mask = cv2.findEssentialMat(
            points0, points1, camera.K, camera.K, np.zeros(4), np.zeros(4), usac_params(threshold, seed)
        )
    except cv2.error:
        return None, none
    if E is None or E.shape != (3, 3):
        return None, none
    return E, np.ravel(mask).astype(bool)


def _decompose_essential(E: Array) -> list[Array]:
    R_a, R_b, t = cv2.decomposeEssentialMat(E)
    return [se3.from_rotation_translation(R, sign * t) for R in (R_a, R_b) for sign in (1, -1)]


def _judge(T_1_0: Array, keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float) -> TwoView:
    rays0, rays1 = normalised(keypoints0, camera), normalised(keypoints1, camera)
    points = triangulate(rays0, rays1, T_1_0)
    with np.errstate(invalid="ignore"):
        error0 = np.linalg.norm(project(points, camera) - keypoints0, axis=1)
        error1 = np.linalg.norm(project(se3.transform(T_1_0, points), camera) - keypoints1, axis=1)
        agree = (error0 < 2 * threshold) & (error1 < 2 * threshold)
    points = np.where(agree[:, None], points, np.nan)
    angles = parallax(rays0[agree], rays1[agree], T_1_0)
    return TwoView(T_1_0, points, float(np.quantile(angles, 0.75)) if len(angles) else 0.0)


def _clear_winner(solutions: list[TwoView]) -> TwoView | None:
    ranked = sorted(solutions, key=lambda solution: -int(solution.inliers.sum()))
    if not ranked or not ranked[0].inliers.any():
        return None
    if len(ranked) > 1 and ranked[1].inliers.sum() > 0.8 * ranked[0].inliers.sum():
        return None
    return ranked[0]
