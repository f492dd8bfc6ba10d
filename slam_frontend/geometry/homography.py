"""Plane-to-plane maps between images."""

import cv2
import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.ransac import find_matrix, usac_params
from slam_frontend.types import Array, Camera


def find_homography(keypoints0: Array, keypoints1: Array, threshold: float, seed: int = 0) -> Array | None:
    """The (3,3) map from image 0 to image 1 that most (N,2) matches agree on, or None."""
    if len(keypoints0) < 4:
        return None
    return find_matrix(cv2.findHomography, keypoints0, keypoints1, usac_params(threshold, seed))


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
