"""OpenCV's USAC for every model: one setting (MAGSAC scoring, a fixed seed, one thread), and one way to call it."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from slam_frontend.types import Array

MAX_ITERATIONS = 2000


def usac_params(threshold: float, seed: int, locally_optimised: bool = True) -> cv2.UsacParams:
    """MAGSAC++ parameters (Barath 2020) for an inlier ``threshold`` in pixels; deterministic for a seed.

    Local optimisation of each better model takes half of the time; who goes on from the best one can do without.
    """
    params = cv2.UsacParams()
    params.threshold = threshold
    params.randomGeneratorState = seed
    params.maxIterations = MAX_ITERATIONS
    params.confidence = 0.999
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA if locally_optimised else cv2.LOCAL_OPTIM_NULL
    params.loIterations = 1  # callers refine on the inliers: more here is paid twice
    params.loSampleSize = 14
    params.sampler = cv2.SAMPLING_UNIFORM
    params.final_polisher = cv2.MAGSAC
    params.final_polisher_iterations = 3
    params.isParallel = False
    return params


def find_matrix(find: Callable[..., Any], keypoints0: Array, keypoints1: Array, *settings: Any) -> Array | None:
    """The (3,3) matrix that one of OpenCV's functions finds for (N,2) matches, or None where it fails."""
    try:
        matrix, _ = find(np.asarray(keypoints0, np.float64), np.asarray(keypoints1, np.float64), *settings)
    except cv2.error:  # degenerate samples make some of its solvers throw
        return None
    return matrix if matrix is not None and matrix.shape == (3, 3) and np.isfinite(matrix).all() else None
