"""A few drawn frames of a run: spread over a length that nobody knows beforehand, and where it went worst."""

from collections.abc import Callable

import numpy as np

from slam_frontend.types import Array, Frame, FrameResult, TrackingState
from slam_frontend.viz.draw import Tracks, draw_frame

LEGIBLE_WIDTH = 640  # pixels to which smaller images are enlarged, for what is drawn on them
MAX_SPREAD = 24
MAX_WEAK = 4
APART = 10  # frames between two of the weakest: a bad moment is shown once


class Snapshots:
    """Keeps every n-th frame as a picture, and the frames that saw the fewest landmarks; when there are too many,
    every second of the former goes and n doubles."""

    def __init__(self, max_spread: int = MAX_SPREAD, max_weak: int = MAX_WEAK) -> None:
        self._spread: dict[int, Array] = {}  # frame index to (H,W,3) uint8 RGB
        self._weakest = _Weakest(max_weak)
        self._max_spread = max_spread
        self._tracks = Tracks()
        self._interval = 4
        self._count = 0

    @property
    def pictures(self) -> dict[int, Array]:
        """(H,W,3) uint8 RGB by frame index, in the order of the frames."""
        return dict(sorted({**self._spread, **self._weakest.pictures}.items()))

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Take note of a frame, and draw it when it is one of those to keep; fits ``run_sequence``'s on_frame."""

        def draw() -> Array:
            zoom = max(1, round(LEGIBLE_WIDTH / frame.image.shape[1]))
            return draw_frame(frame, result, self._tracks.trails(), zoom)

        self._tracks.update(result)
        if self._count % self._interval == self._interval - 1:
            self._spread[frame.index] = draw()
        if has_map(result):
            self._weakest.update(self._count, frame.index, len(result.estimate.landmark_ids), draw)
        self._count += 1
        if len(self._spread) > self._max_spread:
            self._thin_out()

    def _thin_out(self) -> None:
        """The pictures at odd places are those that twice the interval would have kept."""
        self._spread = dict(list(self._spread.items())[1::2])
        self._interval *= 2


def has_map(result: FrameResult) -> bool:
    """Whether there were landmarks to find: a first frame has none, and that is no weakness."""
    return result.estimate.state is TrackingState.LOST or len(result.estimate.expected_ids) > 0


def choose_pictures(num_inliers: Array, errors: Array, num_spread: int = 6, num_worst: int = 4) -> Array:
    """Rows, in order, of the (N,) drawn frames to keep: some spread over all, and those with the fewest landmarks and
    the largest errors; NaN is no reason to keep a frame."""
    rows = [np.linspace(0, len(num_inliers) - 1, num_spread).round().astype(int)] if len(num_inliers) else []
    for badness in (-num_inliers, errors):
        known = np.flatnonzero(np.isfinite(badness))
        rows.append(known[np.argsort(-badness[known], kind="stable")[:num_worst]])
    return np.unique(np.concatenate(rows)).astype(int)


class _Weakest:
    """The pictures of the frames that saw the fewest landmarks, none near another."""

    def __init__(self, max_kept: int) -> None:
        self.pictures: dict[int, Array] = {}
        self._counts: dict[int, tuple[int, int]] = {}  # frame index to its place in the run and its landmarks
        self._max_kept = max_kept

    def update(self, place: int, index: int, count: int, draw: Callable[[], Array]) -> None:
        near = [other for other, (where, _) in self._counts.items() if place - where < APART]
        if any(self._counts[other][1] <= count for other in near):
            return
        for other in near:
            self._drop(other)
        if len(self._counts) == self._max_kept:
            most = max(self._counts, key=lambda other: self._counts[other][1])
            if self._counts[most][1] <= count:
                return
            self._drop(most)
        self._counts[index] = place, count
        self.pictures[index] = draw()

    def _drop(self, index: int) -> None:
        del self._counts[index], self.pictures[index]
