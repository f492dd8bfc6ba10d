"""The one measurement model: where a landmark falls in an image, and at which disparity.

Depth enters as disparity, ``fx * baseline / depth``: its noise is then the same near and far for a
stereo pair and for a structured-light depth camera alike, that is, growing with depth squared.
"""

from dataclasses import dataclass

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.types import Array, Camera, View

CHI2_95 = {2: 5.991, 3: 7.815}  # 95 % bounds of the chi-squared distribution
# What a keypoint errs by, in pixels. On recordings sights of every pyramid level miss by half a pixel and more
# (calibration, shutter, edges in depth). How exactly a level shows its corners adds to it: 0.14 of its pixels
# between warps of a photograph, 0.2 between frames of a recording.
KEYPOINT_SIGMA = 0.67
LEVEL_SIGMA = 0.2  # pixels of the level
DISPARITY_SIGMA = 0.5  # pixels
DEFAULT_BASELINE = 0.1  # metres; gives depth a noise where a camera states no baseline


@dataclass(frozen=True)
class Measurements:
    """What N keypoints say of the landmarks that they see."""

    keypoints: Array  # (N,2) undistorted pixels
    disparity: Array  # (N,) pixels, NaN where depth is unknown
    sigmas: Array  # (N,) standard deviation of a keypoint, pixels

    @classmethod
    def of(cls, view: View, rows: Array, camera: Camera) -> "Measurements":
        """The measurements of some keypoints of a view."""
        disparity = to_disparity(view.depth[rows].astype(np.float64), camera)
        return cls(view.keypoints[rows].astype(np.float64), disparity, keypoint_sigmas(view.features.scales[rows]))

    @classmethod
    def concatenate(cls, parts: "list[Measurements]") -> "Measurements":
        """All measurements of several views, one after the other."""
        columns = zip(*((part.keypoints, part.disparity, part.sigmas) for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def select(self, rows: Array | slice) -> "Measurements":
        """The measurements of the given rows."""
        return Measurements(self.keypoints[rows], self.disparity[rows], self.sigmas[rows])

    def agree(self, residuals: Array) -> Array:
        """(N,) bool: residuals (N,3) within the 95 % bound of their degrees of freedom."""
        bound = np.where(np.isfinite(self.disparity), CHI2_95[3], CHI2_95[2])
        return np.asarray((residuals**2).sum(axis=1) <= bound)


def keypoint_sigmas(scales: Array) -> Array:
    """(N,) standard deviations in pixels of keypoints found at (N,) scales."""
    return np.hypot(KEYPOINT_SIGMA, LEVEL_SIGMA * scales.astype(np.float64))


def to_disparity(depth: Array, camera: Camera) -> Array:
    """Pixels of disparity of a depth in metres; NaN stays NaN."""
    return np.asarray(camera.fx * (camera.baseline or DEFAULT_BASELINE) / depth)


def linearise(T_cam_world: Array, points_world: Array, measured: Measurements, camera: Camera) -> tuple[Array, Array]:
    """Whitened errors (N,3) and their Jacobian (N,3,6) by a twist applied from the left.

    The disparity row is zero where depth is unknown; a point at or behind the camera gets an
    error that no robust loss believes.
    """
    p = se3.transform(T_cam_world, points_world)
    return errors_at(p, measured, camera), chain_to_twist(jacobian_by_point(p, measured, camera), p)


def errors_at(points_cam: Array, measured: Measurements, camera: Camera) -> Array:
    """(N,3) whitened errors of points in the camera in x, y and disparity."""
    p = points_cam
    in_front = p[:, 2] > 1e-3
    z = np.where(in_front, p[:, 2], 1e-3)
    bf = camera.fx * (camera.baseline or DEFAULT_BASELINE)
    errors = np.empty((len(p), 3))
    errors[:, 0] = camera.fx * p[:, 0] / z + camera.cx - measured.keypoints[:, 0]
    errors[:, 1] = camera.fy * p[:, 1] / z + camera.cy - measured.keypoints[:, 1]
    errors[:, 2] = np.nan_to_num(bf / z - measured.disparity, nan=0.0)
    errors *= _whitening(measured)
    errors[~in_front] = 1e3
    return errors


def jacobian_by_point(points_cam: Array, measured: Measurements, camera: Camera) -> Array:
    """(N,3,3) derivatives of the whitened errors by the point in the camera."""
    x, y = points_cam[:, 0], points_cam[:, 1]
    z = np.maximum(points_cam[:, 2], 1e-3)
    bf = camera.fx * (camera.baseline or DEFAULT_BASELINE)
    J = np.zeros((len(x), 3, 3))
    J[:, 0, 0] = camera.fx / z
    J[:, 0, 2] = -camera.fx * x / z**2
    J[:, 1, 1] = camera.fy / z
    J[:, 1, 2] = -camera.fy * y / z**2
    J[:, 2, 2] = np.where(np.isfinite(measured.disparity), -bf / z**2, 0.0)
    return J * _whitening(measured)[:, :, None]


def chain_to_twist(J_point: Array, points_cam: Array) -> Array:
    """(N,3,6): derivatives by the point carried on to a left twist, d(exp(xi) p) = rho + phi x p."""
    x, y, z = points_cam.T[:, :, None]  # (N,1) each
    a, b, c = J_point[:, :, 0], J_point[:, :, 1], J_point[:, :, 2]
    return np.stack([a, b, c, y * c - z * b, z * a - x * c, x * b - y * a], axis=2)  # J (phi x p) = phi . (p x J)


def robust_weights(residuals: Array, scale: float = 2.45) -> tuple[Array, float]:
    """Huber's (N,) weights of whitened (N,3) errors and the total robust cost; ``scale`` is sqrt of chi2_95(2)."""
    norms = np.sqrt((residuals**2).sum(axis=1))
    weights = np.minimum(1.0, scale / np.maximum(norms, 1e-12))
    cost = np.where(norms <= scale, norms**2, 2 * scale * norms - scale**2).sum()
    return weights, float(cost)


def _whitening(measured: Measurements) -> Array:
    inverse = 1.0 / measured.sigmas
    return np.stack([inverse, inverse, np.full_like(inverse, 1.0 / DISPARITY_SIGMA)], axis=1)
