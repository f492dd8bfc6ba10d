"""Turns the images of a pair so that a point lies on the same row in both, or straightens a wide-angle one."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.types import Array, Camera


@dataclass(frozen=True)
class Lens:
    """A camera as it was calibrated."""

    size: tuple[int, int]  # width, height
    K: Array  # (3,3)
    distortion: Array  # (4,) or (5,) of the model
    is_fisheye: bool  # the equidistant model of Kannala and Brandt


@dataclass(frozen=True)
class Rectifier:
    """Remaps one camera's images to an ideal pinhole camera."""

    camera: Camera
    T_lens_camera: Array  # (4,4): the ideal camera only turns about the lens's centre
    maps: tuple[Array, Array]

    def __call__(self, image: Array) -> Array:
        """The image that the ideal camera would have seen, black where it looks past the real one."""
        rectified: Array = cv2.remap(image, *self.maps, cv2.INTER_LINEAR)
        return rectified


def rectify_pair(left: Lens, right: Lens, T_right_left: Array) -> tuple[Rectifier, Rectifier]:
    """Rectifiers for the left and the right images, with one K and the baseline."""
    R, t = T_right_left[:3, :3].copy(), T_right_left[:3, 3:].copy()
    lenses = left.K, left.distortion, right.K, right.distortion, left.size, R, t
    if left.is_fisheye:
        R0, R1, P0, P1, _ = cv2.fisheye.stereoRectify(*lenses, flags=cv2.CALIB_ZERO_DISPARITY, balance=0.0)
    else:
        R0, R1, P0, P1, *_ = cv2.stereoRectify(*lenses, flags=cv2.CALIB_ZERO_DISPARITY, alpha=0)
    baseline = float(-P1[0, 3] / P1[0, 0])
    return _rectifier(left, R0, P0, baseline), _rectifier(right, R1, P1, baseline)


def straighten(lens: Lens) -> Rectifier:
    """A rectifier for one camera alone, for lenses whose model ``Camera`` doesn't know."""
    K = cv2.fisheye.estimateNewCameraMatrixForUndistortRectify(lens.K, lens.distortion, lens.size, np.eye(3))
    return _rectifier(lens, np.eye(3), K, None)


def _rectifier(lens: Lens, R: Array, P: Array, baseline: float | None) -> Rectifier:
    """R turns the lens's axes into the ideal camera's."""
    build = cv2.fisheye.initUndistortRectifyMap if lens.is_fisheye else cv2.initUndistortRectifyMap
    maps = build(lens.K, lens.distortion, R, P[:, :3], lens.size, cv2.CV_16SC2)
    T_lens_camera = se3.from_rotation_translation(R.T, np.zeros(3))
    return Rectifier(Camera.from_K(lens.size, P, baseline=baseline), T_lens_camera, maps)
