"""Matching by descriptors alone."""

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.matching.distances import all_distances
from slam_frontend.types import Array, Features, Matches


class NearestMatcher:
    """Mutual nearest neighbours that are near enough and clearly nearer than the second."""

    def __init__(self, config: MatcherConfig) -> None:
        self.config = config

    def match(self, features0: Features, features1: Features) -> Matches:
        """One-to-one matches, in the order of their rows in ``features0``."""
        if not len(features0) or not len(features1):
            return Matches(np.empty((0, 2), np.int64), np.empty(0, np.float32))
        distances = all_distances(features0.descriptors, features1.descriptors, features0.norm)
        rows0, rows1 = mutual_nearest(distances)
        nearest = distances[rows0, rows1]
        clear = nearest < self.config.ratio * _second(distances, rows0, rows1) if self.config.ratio < 1 else True
        good = clear & (nearest <= self.config.max_distance(features0.norm))
        return Matches(np.stack([rows0, rows1], 1)[good], nearest[good])


def mutual_nearest(distances: Array) -> tuple[Array, Array]:
    """Rows and columns (M,) of a (N0,N1) matrix that are each other's smallest."""
    nearest1 = distances.argmin(1)
    nearest0 = distances.argmin(0)
    rows0 = np.flatnonzero(nearest0[nearest1] == np.arange(len(distances)))
    return rows0, nearest1[rows0]


def _second(distances: Array, rows0: Array, rows1: Array) -> Array:
    others = distances[rows0]
    others[np.arange(len(rows0)), rows1] = np.inf
    second: Array = others.min(1)
    return second
