"""How well detectors find corners that are known, as on synthetic shapes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from slam_frontend.evaluation.points import Detector, ScoredPoints, best, suppress_neighbours
from slam_frontend.types import Array

# DeTone 2018, appendix B
THRESHOLD = 4.0  # pixels within which a detection is right
NMS_RADIUS = 4
NUM_POINTS = 300  # an image


@dataclass(frozen=True)
class Detection:
    """Of one detector on all images."""

    mean_average_precision: float
    localisation_error: float  # pixels, of the right ones among the best, as many as the image has corners


def measure_detection(detect: Detector, labelled: Iterable[tuple[Array, Array]]) -> Detection:
    """Judge a detector on images (H,W) with their corners (K,2); each corner can be found once."""
    scores, errors, best_errors, num_corners = [], [], [], 0
    for image, corners in labelled:
        points = best(suppress_neighbours(detect(image), NMS_RADIUS), NUM_POINTS)
        error = _errors_of_found(points, corners)
        scores.append(points.scores)
        errors.append(error)
        best_errors.append(error[: len(corners)])
        num_corners += len(corners)
    found = np.isfinite(np.concatenate(errors)) if errors else np.empty(0, bool)
    located = np.concatenate(best_errors) if best_errors else np.empty(0)
    located = located[np.isfinite(located)]
    return Detection(
        average_precision(np.concatenate(scores), found, num_corners) if num_corners else np.nan,
        float(located.mean()) if len(located) else np.nan,
    )


def average_precision(scores: Array, is_right: Array, num_to_find: int) -> float:
    """Area under precision over recall, each detection (N,) being right or wrong; ties count as one step."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(is_right[order])
    last_of_tie = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    precision = right[last_of_tie] / (last_of_tie + 1)
    recall = right[last_of_tie] / num_to_find
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * envelope).sum())


def _errors_of_found(points: ScoredPoints, corners: Array) -> Array:
    """The distance (N,) of each point to the nearest corner that no better point took; infinite beyond reach."""
    errors = np.full(len(points), np.inf)
    if not len(points) or not len(corners):
        return errors
    distances = cdist(points.keypoints, corners)
    # One point after the other: which corners are left depends on those before it.
    for row in np.flatnonzero(distances.min(1) <= THRESHOLD):
        corner = distances[row].argmin()
        if distances[row, corner] <= THRESHOLD:
            errors[row] = distances[row, corner]
            distances[:, corner] = np.inf
    return errors
