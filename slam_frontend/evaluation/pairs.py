"""Two images of one plane, and the homography between them."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.photos import fit_image
from slam_frontend.types import Array


@dataclass(frozen=True)
class ImagePair:
    """Two grey images; a point of 0 lies in 1 where ``H_1_0`` takes it. ``split`` is the change that it stands for."""

    name: str
    split: str  # illumination, viewpoint or warp
    image0: Array  # (H,W) uint8
    image1: Array  # (H,W) uint8
    H_1_0: Array  # (3,3) float64, between pixel centres


def fit_pair(pair: ImagePair, size: tuple[int, int]) -> ImagePair:
    """The pair with both images resized and cropped to (height, width), and the homography that holds there."""
    image0, A0 = fit_image(pair.image0, size)
    image1, A1 = fit_image(pair.image1, size)
    return ImagePair(pair.name, pair.split, image0, image1, A1 @ pair.H_1_0 @ np.linalg.inv(A0))


def warp_points(points: Array, H: Array) -> Array:
    """Where a homography takes points (N,2) float64; NaN for those beyond its horizon."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ H.T
    depth = np.where(homogeneous[:, 2:] * np.sign(H[2, 2]) > 1e-9, homogeneous[:, 2:], np.nan)
    warped: Array = homogeneous[:, :2] / depth
    return warped


def is_inside(points: Array, shape: tuple[int, ...]) -> Array:
    """Which points (N,2) lie within the pixels of an image; NaN lies nowhere."""
    return np.asarray(((points >= 0) & (points <= np.array(shape[1::-1]) - 1)).all(axis=1))
