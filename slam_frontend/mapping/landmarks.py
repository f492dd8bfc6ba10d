"""The landmarks of a map as one table: a row each, found again by a stable id."""

import numpy as np

from slam_frontend.types import Array


def is_among(ids: Array, chosen: Array) -> Array:
    """(N,) bool: ids that are chosen. Ids lie close together: a table of them is several times as fast as np.isin."""
    if not len(ids) or not len(chosen):
        return np.zeros(len(ids), bool)
    least = min(ids.min(), chosen.min())
    table = np.zeros(max(ids.max(), chosen.max()) - least + 1, bool)
    table[chosen - least] = True
    return np.asarray(table[ids - least])


class LandmarkTable:
    """Columns of landmarks in the order of their ids; removal closes the gaps, ids are never used again.

    What a landmark looks like (``descriptors``, ``scales``, ``seen_from``) is as the newest keyframe saw it.
    """

    def __init__(self) -> None:
        self.next_id = 0
        self.ids = np.empty(0, np.int64)
        self.positions = np.empty((0, 3))
        self.descriptors: Array | None = None  # (L,D)
        self.scales = np.empty(0)  # of the pyramid level it was seen on
        self.seen_from = np.empty((0, 3))  # the camera's centre then
        self.born = np.empty(0, np.int64)  # the keyframe that created it
        self.times_expected = np.empty(0, np.int64)  # frames that should have seen it
        self.times_found = np.empty(0, np.int64)  # frames that did

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, positions: Array, descriptors: Array, scales: Array, seen_from: Array, born: int) -> Array:
        """The new ids of (M,3) landmarks."""
        ids = np.arange(self.next_id, self.next_id + len(positions))
        self.next_id += len(positions)
        self.ids = np.concatenate([self.ids, ids])
        self.positions = np.concatenate([self.positions, positions])
        known = descriptors[:0] if self.descriptors is None else self.descriptors
        self.descriptors = np.concatenate([known, descriptors])
        self.scales = np.concatenate([self.scales, scales])
        self.seen_from = np.concatenate([self.seen_from, np.tile(seen_from, (len(ids), 1))])
        self.born = np.concatenate([self.born, np.full(len(ids), born)])
        self.times_expected = np.concatenate([self.times_expected, np.ones(len(ids), np.int64)])
        self.times_found = np.concatenate([self.times_found, np.ones(len(ids), np.int64)])
        return ids

    def keep(self, mask: Array) -> None:
        """Drop the rows that the (L,) mask leaves out."""
        self.ids, self.positions, self.scales = self.ids[mask], self.positions[mask], self.scales[mask]
        self.seen_from, self.born = self.seen_from[mask], self.born[mask]
        self.times_expected, self.times_found = self.times_expected[mask], self.times_found[mask]
        if self.descriptors is not None:
            self.descriptors = self.descriptors[mask]

    def rows(self, ids: Array) -> Array:
        """(M,) rows of ids that are all in the table."""
        return np.searchsorted(self.ids, ids)
