"""What is left of a lens's distortion in one camera's images that are said to have none, found while it tracks.

Rectified images keep some: in KITTI's, corners are a percent or two off, which bends the path of one camera. Once a few
keyframes tell its first coefficient well enough, poses, points and lens are adjusted together (Triggs 1999).
"""

from dataclasses import dataclass, replace

import numpy as np

from slam_frontend.geometry.camera import undistort
from slam_frontend.geometry.reprojection import Measurements
from slam_frontend.mapping.bundle_adjustment import BundleProblem, adjust, agreeing, condense, robust_cost
from slam_frontend.types import Array, Camera

PRIOR = 0.015  # standard deviation of how far corners are off before anything is known, as a share of their distance
KNOWN = 0.003  # the same, from which on a lens counts as known
CLEAR = 4.0  # standard deviations from none that the first has to be; what ideal images seem to keep is chance
ROUNDS = 4
STEP = 1e-4  # of the coefficient, for derivatives


@dataclass(frozen=True)
class LensSolution:
    """Keyframes and points, and the lens that explains them best."""

    problem: BundleProblem
    agrees: Array  # (n,) bool, of the sights
    k1: float
    sigma: float  # its standard deviation


class LensSearch:
    """Finds the lens of a few keyframes, where they tell it more surely than it was told before."""

    def __init__(self, camera: Camera, max_iterations: int) -> None:
        self.camera = camera  # as its images are said to be
        self.max_iterations = max_iterations
        corner = np.hypot(
            max(camera.cx, camera.width - camera.cx) / camera.fx, max(camera.cy, camera.height - camera.cy) / camera.fy
        )
        self.prior, self.sigma = PRIOR / float(corner**2), KNOWN / float(corner**2)

    def camera_with(self, k1: float) -> Camera:
        """The camera with a distortion."""
        return replace(self.camera, distortion=(k1, 0.0, 0.0, 0.0))

    def solve(self, problem: BundleProblem, pixels: Array, known: float) -> LensSolution | None:
        """Gauss-Newton on the lens, poses and points adjusted in between; None where that tells it no surer than it is
        known, explains nothing better or, of the first, can't be told from none.

        ``pixels`` (n,2) are the sights as found in the images; those of the problem are undistorted by the known one.
        """
        _, sigma = self._step(problem, pixels, known)
        if not sigma < self.sigma:
            return None
        problem = adjust(problem, self.camera, self.max_iterations)
        k1, before = known, self._cost(problem, known)
        for _ in range(ROUNDS):
            step, sigma = self._step(problem, pixels, k1)
            k1 += step
            measured = self._undistorted(problem.measured, pixels, k1)
            problem = adjust(replace(problem, measured=measured), self.camera, self.max_iterations)
            if abs(step) < sigma / 4:
                break
        is_clear = known != 0 or abs(k1) > CLEAR * sigma  # what was taken once may shrink again
        if not (is_clear and sigma < self.sigma and self._cost(problem, k1) < before):
            return None
        return LensSolution(problem, agreeing(problem, self.camera), k1, sigma)

    def _step(self, problem: BundleProblem, pixels: Array, k1: float) -> tuple[float, float]:
        """How far the lens is from where its prior and the sights want it, and their standard deviation."""
        information, gradient = condense(problem, self.camera, self._derivatives(problem, pixels, k1))
        sigma = (max(information.item(), 0.0) + self.prior**-2) ** -0.5
        return -(gradient.item() + k1 * self.prior**-2) * sigma**2, sigma

    def _cost(self, problem: BundleProblem, k1: float) -> float:
        return robust_cost(problem, self.camera) + (k1 / self.prior) ** 2

    def _undistorted(self, measured: Measurements, pixels: Array, k1: float) -> Measurements:
        keypoints = undistort(pixels, self.camera_with(k1))
        return replace(measured, values=np.column_stack([keypoints, measured.values[:, 2]]))

    def _derivatives(self, problem: BundleProblem, pixels: Array, k1: float) -> Array:
        """(n,3,1) of the whitened errors by the coefficient."""
        further = self._undistorted(problem.measured, pixels, k1 + STEP).values - problem.measured.values
        return np.asarray(-further * problem.measured.precision / STEP)[:, :, None]
