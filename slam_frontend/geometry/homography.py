"""Plane-to-plane maps between images."""

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.ransac import usac_params
from slam_frontend.types import Array, Camera


def find_homography(keypoints0: Array, keypoints1: Array, threshold: float, seed: int = 0) -> Array | None:
    """The (3,3) map from image 0 to image 1 that most (N,2) matches agree on, or None."""
    if len(keypoints0) < 4:
        return None
    points0, points1 = np.asarray(keypoints0, np.float64), np.asarray(keypoints1, np.float64)
    try:
        H, _ = cv2.findHomography(points0, points1, usac_params(threshold, seed))
    except cv2.error:
        return None
    return H if H is not None and H.shape == (3, 3) and np.isfinite(H).all() else None


def decompose_homography(H: Array, camera: Camera) -> list[Array]:
    """The (4,4) motions T_1_0 with unit translation that a plane's homography allows, at most four.

    Empty where the map is a pure rotation, which has no translation to find (Malis and Vargas 2007).
    """
    _, rotations, translations, _ = cv2.decomposeHomographyMat(H, camera.K)
    lengths = [float(np.linalg.norm(t)) for t in translations]
    return [
        se3.from_rotation_translation(R, t / length)
        for R, t, length in zip(rotations, translations, lengths, strict=True)
        if length > 1e-3
    ]
