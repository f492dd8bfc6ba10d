"""The one measurement model: where a landmark falls in an image, and at which disparity.

Depth enters as disparity, ``fx * baseline / depth``: its noise is then the same near and far for a
stereo pair and for a structured-light depth camera alike, that is, growing with depth squared.
"""

from dataclasses import dataclass

import numpy as np

from slam_frontend.geometry.vectors import row_dots
from slam_frontend.types import Array, Camera, View

CHI2_95 = {2: 5.991, 3: 7.815}  # 95 % bounds of the chi-squared distribution
# What a keypoint errs by, in pixels. On recordings sights of every pyramid level miss by half a pixel and more
# (calibration, shutter, edges in depth), and where pixels are finer than a lens, by more of them. How exactly a level
# shows its corners adds to it: 0.14 of its pixels between warps of a photograph, 0.2 between frames of a recording.
KEYPOINT_SIGMA = 0.67
LEVEL_SIGMA = 0.2  # pixels of the level
DISPARITY_SIGMA = 0.5  # pixels
FINE_SIZE = 1280  # pixels of the longer side; a larger image errs by as much as it is larger
DEFAULT_BASELINE = 0.1  # metres; gives depth a noise where a camera states no baseline
NEAREST = 1e-3  # metres, or what a single camera takes for them; nothing is seen nearer to the camera


@dataclass(frozen=True)
class Measurements:
    """What N keypoints say of the landmarks that they see."""

    values: Array  # (N,3) undistorted pixels x and y, pixels of disparity
    precision: Array  # (N,3) one over the standard deviations of these; 0 for the disparity where depth is unknown

    @classmethod
    def of(cls, view: View, rows: Array, camera: Camera) -> "Measurements":
        """The measurements of some keypoints of a view."""
        disparity = to_disparity(view.depth[rows].astype(np.float64), camera)
        sigmas = keypoint_sigmas(view.features.scales[rows], camera)
        return cls.from_columns(view.keypoints[rows], disparity, sigmas, DISPARITY_SIGMA * coarseness(camera))

    @classmethod
    def from_columns(
        cls, keypoints: Array, disparity: Array, sigmas: Array, disparity_sigma: float = DISPARITY_SIGMA
    ) -> "Measurements":
        """Of (N,2) undistorted pixels, (N,) disparities with NaN where unknown, and (N,) sigmas of the keypoints."""
        is_known = np.isfinite(disparity)
        values, precision = np.empty((len(keypoints), 3)), np.empty((len(keypoints), 3))
        values[:, :2], values[:, 2] = keypoints, np.where(is_known, disparity, 0.0)
        precision[:, :2], precision[:, 2] = 1.0 / sigmas[:, None], is_known / disparity_sigma
        return cls(values, precision)

    @classmethod
    def concatenate(cls, parts: "list[Measurements]") -> "Measurements":
        """All measurements of several views, one after the other."""
        return cls(*(np.concatenate(column) for column in ([p.values for p in parts], [p.precision for p in parts])))

    def select(self, rows: Array | slice) -> "Measurements":
        """The measurements of the given rows."""
        return Measurements(self.values[rows], self.precision[rows])

    def agree(self, residuals: Array) -> Array:
        """(N,) bool: residuals (N,3) within the 95 % bound of their degrees of freedom."""
        bound = np.where(self.precision[:, 2] > 0, CHI2_95[3], CHI2_95[2])
        return np.asarray(row_dots(residuals, residuals) <= bound)


def keypoint_sigmas(scales: Array, camera: Camera) -> Array:
    """(N,) standard deviations in pixels of keypoints found at (N,) scales in a camera's images."""
    return np.hypot(KEYPOINT_SIGMA, LEVEL_SIGMA * scales.astype(np.float64)) * coarseness(camera)


def to_disparity(depth: Array, camera: Camera) -> Array:
    """Pixels of disparity of a depth in metres; NaN stays NaN."""
    return np.asarray(_disparity_scale(camera) / depth)


def errors_at(points_cam: Array, measured: Measurements, camera: Camera) -> Array:
    """(N,3) whitened errors of points in the camera in x, y and disparity.

    That of an unknown disparity is zero; a point at or behind the camera gets an error that no robust loss believes.
    """
    x, y, z = points_cam.T
    inverse = 1.0 / np.maximum(z, NEAREST)
    errors = np.empty((len(x), 3))
    errors[:, 0] = camera.fx * x * inverse + camera.cx
    errors[:, 1] = camera.fy * y * inverse + camera.cy
    errors[:, 2] = _disparity_scale(camera) * inverse
    errors -= measured.values
    errors *= measured.precision
    errors[~(z > NEAREST)] = 1e3
    return errors


def jacobian_by_point(points_cam: Array, measured: Measurements, camera: Camera) -> Array:
    """(N,3,3) derivatives of the whitened errors by the point in the camera."""
    J = np.zeros((len(points_cam), 3, 3))
    J[:, 0, 0], J[:, 0, 2], J[:, 1, 1], J[:, 1, 2], J[:, 2, 2] = _derivatives(points_cam, measured, camera)
    return J


def normal_equations_by_point(
    points_cam: Array, residuals: Array, weights: Array, measured: Measurements, camera: Camera
) -> tuple[Array, Array]:
    """J'WJ (N,3,3) and J'Wr (N,3) for the derivatives J of the whitened errors by the point in the camera.

    J has five entries that aren't zero, so that the products are written out: four times as fast as matrices.
    """
    xx, xz, yy, yz, dz = _derivatives(points_cam, measured, camera)
    rx, ry, rd = residuals.T * weights
    H = np.zeros((len(points_cam), 3, 3))
    H[:, 0, 0], H[:, 1, 1] = weights * xx * xx, weights * yy * yy
    H[:, 0, 2] = H[:, 2, 0] = weights * xx * xz
    H[:, 1, 2] = H[:, 2, 1] = weights * yy * yz
    H[:, 2, 2] = weights * (xz * xz + yz * yz + dz * dz)
    return H, np.stack([xx * rx, yy * ry, xz * rx + yz * ry + dz * rd], axis=1)


def _derivatives(points_cam: Array, measured: Measurements, camera: Camera) -> tuple[Array, ...]:
    """All that aren't zero, (N,) each: of the error in x by x and z, in y by y and z, in disparity by z."""
    x, y, z = points_cam.T
    inverse = np.where(z > NEAREST, 1.0 / np.maximum(z, NEAREST), 0.0)  # behind the camera errors don't change
    along_x, along_y, along_disparity = measured.precision.T * inverse
    xx, yy = camera.fx * along_x, camera.fy * along_y
    dz = -_disparity_scale(camera) * inverse * along_disparity
    return xx, -xx * x * inverse, yy, -yy * y * inverse, dz


def jacobian_by_twist(points_cam: Array, measured: Measurements, camera: Camera) -> Array:
    """(N,3,6) derivatives of the whitened errors by a twist applied from the left."""
    return chain_to_twist(jacobian_by_point(points_cam, measured, camera), points_cam)


def chain_to_twist(J_point: Array, points_cam: Array) -> Array:
    """(N,3,6): derivatives by the point carried on to a left twist, d(exp(xi) p) = rho + phi x p."""
    x, y, z = points_cam.T[:, :, None]  # (N,1) each
    a, b, c = J_point[:, :, 0], J_point[:, :, 1], J_point[:, :, 2]
    return np.stack([a, b, c, y * c - z * b, z * a - x * c, x * b - y * a], axis=2)  # J (phi x p) = phi . (p x J)


def robust_weights(residuals: Array, scale: float = 2.45) -> tuple[Array, float]:
    """Huber's (N,) weights of whitened (N,3) errors and the total robust cost; ``scale`` is sqrt of chi2_95(2)."""
    norms = np.sqrt(row_dots(residuals, residuals))
    weights = np.minimum(1.0, scale / np.maximum(norms, 1e-12))
    cost = np.where(norms <= scale, norms**2, 2 * scale * norms - scale**2).sum()
    return weights, float(cost)


def coarseness(camera: Camera) -> float:
    """How many times as much a camera's keypoints err, in pixels, as those of one that isn't finer than its lens."""
    return max(1.0, max(camera.width, camera.height) / FINE_SIZE)


def _disparity_scale(camera: Camera) -> float:
    """What a depth in metres divides to give a disparity in pixels."""
    return camera.fx * (camera.baseline or DEFAULT_BASELINE)
