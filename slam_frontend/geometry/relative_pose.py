"""How two views stand to each other, from matches alone."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import normalised, project
from slam_frontend.geometry.homography import decompose_homography, find_homography
from slam_frontend.geometry.ransac import find_matrix, usac_params
from slam_frontend.geometry.triangulation import parallax, triangulate
from slam_frontend.types import Array, Camera

MIN_SUPPORT = 0.75  # of the matches that the best candidate explains
MIN_POINTS = 8


@dataclass(frozen=True)
class TwoView:
    """A relative pose up to scale (unit translation), and what it makes of the matches."""

    T_1_0: Array  # (4,4)
    points: Array  # (N,3) in camera 0, NaN where the match disagrees or its point is too far to tell
    at_infinity: Array  # (N,) bool: matches without a point that a turn on the spot explains
    parallax: float  # angle between its rays that a quarter of the explained matches exceed, radians

    @property
    def inliers(self) -> Array:
        """(N,) bool: matches that have a point."""
        return np.asarray(np.isfinite(self.points[:, 0]))

    @property
    def num_inliers(self) -> int:
        """Matches that have a point."""
        return int(self.inliers.sum())

    @property
    def explained(self) -> Array:
        """(N,) bool: matches that have a point, be it at infinity."""
        return self.inliers | self.at_infinity

    @property
    def num_explained(self) -> int:
        """Matches that have a point, be it at infinity."""
        return int(self.explained.sum())


def two_view_candidates(
    keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float, seed: int = 0
) -> list[TwoView]:
    """The relative poses that (N,2) undistorted matches allow.

    One comes from the essential matrix, and up to two from a homography: a scene near a plane lets
    both its twins stand (Longuet-Higgins 1986), and the essential matrix may be either of them.
    """
    cameras = camera.K, camera.K, np.zeros(4), np.zeros(4)  # matches are undistorted
    E = find_matrix(cv2.findEssentialMat, keypoints0, keypoints1, *cameras, usac_params(threshold, seed))
    H = find_homography(keypoints0, keypoints1, threshold, seed)
    motions = [] if E is None else _decompose_essential(E)
    motions += [] if H is None else decompose_homography(H, camera)
    judged = [judge(T_1_0, keypoints0, keypoints1, camera, threshold) for T_1_0 in motions]
    most = max((solution.num_explained for solution in judged), default=0)
    return [one for one in judged if one.num_explained > MIN_SUPPORT * most and one.num_inliers >= MIN_POINTS]


def _decompose_essential(E: Array) -> list[Array]:
    R_a, R_b, t = cv2.decomposeEssentialMat(E)
    return [se3.from_rotation_translation(R, sign * t) for R in (R_a, R_b) for sign in (1, -1)]


def judge(T_1_0: Array, keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float) -> TwoView:
    """What a relative pose makes of the matches.

    The rays of a far point meet behind a camera as often as before it, for noise decides. Such a match speaks
    for a pose that puts it at infinity: counting it as wrong would favour whichever pose brings all points near.
    """
    rays0, rays1 = normalised(keypoints0, camera), normalised(keypoints1, camera)
    points = triangulate(rays0, rays1, T_1_0)
    with np.errstate(invalid="ignore"):
        error0 = np.linalg.norm(project(points, camera) - keypoints0, axis=1)
        error1 = np.linalg.norm(project(se3.transform(T_1_0, points), camera) - keypoints1, axis=1)
        agree = (error0 < 2 * threshold) & (error1 < 2 * threshold)
        at_infinity = ~agree & (errors_at_infinity(T_1_0, keypoints0, keypoints1, camera) < 2 * threshold)
    points = np.where(agree[:, None], points, np.nan)
    angles = np.where(agree, parallax(rays0, rays1, T_1_0), 0.0)[agree | at_infinity]
    return TwoView(T_1_0, points, at_infinity, float(np.quantile(angles, 0.75)) if len(angles) else 0.0)


def errors_at_infinity(T_1_0: Array, keypoints0: Array, keypoints1: Array, camera: Camera) -> Array:
    """(N,) pixels that each view is off by where the point of a match is infinitely far; both share alike."""
    directions = np.insert(normalised(keypoints0, camera), 2, 1.0, axis=1) @ T_1_0[:3, :3].T
    return np.asarray(np.linalg.norm(project(directions, camera) - keypoints1, axis=1) / 2)
