"""Scored points, as any detector returns them to be judged."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from slam_frontend.types import Array


@dataclass(frozen=True)
class ScoredPoints:
    """Where a detector sees interest points, and how sure it is."""

    keypoints: Array  # (N,2) float32 x, y
    scores: Array  # (N,) float32, higher is better

    def __len__(self) -> int:
        return len(self.keypoints)

    def select(self, rows: Array) -> "ScoredPoints":
        """The points of the given rows (indices or mask)."""
        return ScoredPoints(self.keypoints[rows], self.scores[rows])


Detector = Callable[[Array], ScoredPoints]


def best(points: ScoredPoints, count: int) -> ScoredPoints:
    """The ``count`` points of the highest scores, best first."""
    return points.select(np.argsort(-points.scores, kind="stable")[:count])


def suppress_neighbours(points: ScoredPoints, radius: float) -> ScoredPoints:
    """The points, best first, that have no better one kept in the square of ``radius`` pixels around them."""
    points = best(points, len(points))
    if not len(points):
        return points
    close = cKDTree(points.keypoints).query_pairs(radius, p=np.inf, output_type="ndarray")  # (P,2), better one first
    close = close[np.argsort(close[:, 0], kind="stable")]
    starts = np.searchsorted(close[:, 0], np.arange(len(points) + 1)).tolist()
    kept = np.ones(len(points), bool)
    # One point after the other: whether a point stands depends on those before it.
    for row, (start, end) in enumerate(pairwise(starts)):
        if start < end and kept[row]:
            kept[close[start:end, 1]] = False
    return points.select(kept)
