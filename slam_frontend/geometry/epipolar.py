"""Which matches of two images fit one rigid scene, without knowing the cameras."""

import cv2
import numpy as np

from slam_frontend.geometry.ransac import find_matrix, usac_params
from slam_frontend.types import Array

SEED = 0  # of the samples: the same matches give the same matrix


def find_fundamental(keypoints0: Array, keypoints1: Array, threshold: float) -> Array | None:
    """The (3,3) F with ``p1 @ F @ p0 == 0`` that most (N,2) matches agree on, or None."""
    if len(keypoints0) < 8:
        return None
    return find_matrix(cv2.findFundamentalMat, keypoints0, keypoints1, usac_params(threshold, SEED))


def epipolar_errors(F: Array, keypoints0: Array, keypoints1: Array) -> Array:
    """(N,) pixels: how far each match lies from its epipolar line, in the image where that is farther."""
    p0, p1 = (np.column_stack([points, np.ones(len(points))]).astype(float) for points in (keypoints0, keypoints1))
    lines1, lines0 = p0 @ F.T, p1 @ F
    offset = np.abs(np.sum(p1 * lines1, axis=1))
    norms = [np.maximum(np.linalg.norm(lines[:, :2], axis=1), 1e-12) for lines in (lines0, lines1)]
    return np.asarray(offset / np.minimum(*norms))
