"""How often a detector finds the same point in both images of a pair, and how exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from slam_frontend.evaluation.pairs import ImagePair, is_inside, warp_points
from slam_frontend.evaluation.points import Detector, ScoredPoints, best, suppress_neighbours
from slam_frontend.types import Array


@dataclass(frozen=True)
class RepeatabilityProtocol:
    """DeTone 2018, section 7."""

    size: tuple[int, int] = (240, 320)  # height, width
    num_points: int = 300
    nms_radius: int = 4
    threshold: float = 3.0


@dataclass(frozen=True)
class Repeatability:
    """Of one pair; NaN where neither image has a point that the other could show."""

    repeatability: float
    localisation_error: float  # pixels, of the points found again


def measure_repeatability(
    detect: Detector, pair: ImagePair, protocol: RepeatabilityProtocol | None = None
) -> Repeatability:
    """The share of points visible in both images that both have within the threshold, and their mean distance."""
    protocol = protocol or RepeatabilityProtocol()
    points0 = _shared(detect(pair.image0), pair.H_1_0, pair, protocol)
    points1 = _shared(detect(pair.image1), np.linalg.inv(pair.H_1_0), pair, protocol)
    in_1 = warp_points(points0.keypoints, pair.H_1_0)
    distances = np.concatenate([_nearest(in_1, points1.keypoints), _nearest(points1.keypoints, in_1)])
    found = distances <= protocol.threshold
    if not len(distances):
        return Repeatability(np.nan, np.nan)
    return Repeatability(float(found.mean()), float(distances[found].mean()) if found.any() else np.nan)


def _shared(points: ScoredPoints, H: Array, pair: ImagePair, protocol: RepeatabilityProtocol) -> ScoredPoints:
    """The best points of one image that lie inside the other one as well."""
    points = suppress_neighbours(points, protocol.nms_radius)
    points = points.select(is_inside(warp_points(points.keypoints, H), pair.image1.shape))
    return best(points, protocol.num_points)


def _nearest(points: Array, others: Array) -> Array:
    """The distance (N,) of each point to the nearest of the others; infinite if there are none."""
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(cKDTree(others).query(points)[0])
