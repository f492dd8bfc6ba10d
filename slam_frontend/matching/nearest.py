"""Matching by descriptors alone."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.errors import ConfigError
from slam_frontend.matching.distances import all_distances
from slam_frontend.types import Array, Features, Matches

ROWS_PER_BLOCK = 2048


class NearestMatcher:
    """Mutual nearest neighbours that are near enough and clearly nearer than the second."""

    def __init__(self, config: MatcherConfig) -> None:
        self.config = config

    def match(self, features0: Features, features1: Features) -> Matches:
        """One-to-one matches, in the order of their rows in ``features0``; ConfigError where descriptors don't
        compare."""
        if not len(features0) or not len(features1):
            return Matches(np.empty((0, 2), np.int64), np.empty(0, np.float32))
        _require_alike(features0, features1)
        found = _nearest(features0, features1)
        good = found.rows[found.columns] == np.arange(len(features0))
        good &= found.distances <= self.config.max_distance(features0.norm)
        if self.config.ratio < 1:
            good &= found.distances < self.config.ratio * found.seconds
        rows = np.flatnonzero(good)
        return Matches(np.stack([rows, found.columns[rows]], 1), found.distances[rows])


def _require_alike(features0: Features, features1: Features) -> None:
    kinds = [f"{features.descriptors.shape[1]} numbers ({features.norm})" for features in (features0, features1)]
    if kinds[0] != kinds[1]:
        raise ConfigError(f"expected descriptors of one kind, found {kinds[0]} and {kinds[1]}; use one extractor")


@dataclass(frozen=True)
class _Nearest:
    columns: Array  # (N0,) the nearest in 1 of each in 0
    distances: Array  # (N0,) to it
    seconds: Array  # (N0,) to the nearest but that one
    rows: Array  # (N1,) the nearest in 0 of each in 1


def _nearest(features0: Features, features1: Features) -> _Nearest:
    """Block by block, for all distances of ten thousand keypoints would be half a gigabyte."""
    count0, count1 = len(features0), len(features1)
    to_nearest, to_second = np.empty((2, count0), np.float32)
    found = _Nearest(np.empty(count0, np.int64), to_nearest, to_second, np.zeros(count1, np.int64))
    least = np.full(count1, np.inf, np.float32)
    for start in range(0, count0, ROWS_PER_BLOCK):
        block = slice(start, start + ROWS_PER_BLOCK)
        distances = all_distances(features0.descriptors[block], features1.descriptors, features0.norm)
        nearest0, lowest, every = distances.argmin(0), distances.min(0), np.arange(len(distances))
        nearer = lowest < least
        found.rows[nearer], least[nearer] = start + nearest0[nearer], lowest[nearer]
        found.columns[block] = columns = distances.argmin(1)
        found.distances[block] = distances[every, columns]
        distances[every, columns] = np.inf
        found.seconds[block] = distances.min(1)
    return found


def mutual_nearest(distances: Array) -> tuple[Array, Array]:
    """Rows and columns (M,) of a (N0,N1) matrix that are each other's smallest."""
    nearest1 = distances.argmin(1)
    nearest0 = distances.argmin(0)
    rows0 = np.flatnonzero(nearest0[nearest1] == np.arange(len(distances)))
    return rows0, nearest1[rows0]
