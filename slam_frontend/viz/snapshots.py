"""A few drawn frames of a run, spread over a length that nobody knows beforehand."""

from slam_frontend.types import Array, Frame, FrameResult
from slam_frontend.viz.draw import Tracks, draw_frame

MAX_KEPT = 8


class Snapshots:
    """Keeps every n-th frame as a picture; when there are too many, every second one goes and n doubles."""

    def __init__(self, max_kept: int = MAX_KEPT) -> None:
        self.pictures: dict[int, Array] = {}  # frame index to (H,W,3) uint8 RGB
        self._max_kept = max_kept
        self._tracks = Tracks()
        self._interval = 4
        self._count = 0

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Take note of a frame, and draw it when it is one of those to keep; fits ``run_sequence``'s on_frame."""
        self._tracks.update(result)
        if self._count % self._interval == self._interval - 1:
            self.pictures[frame.index] = draw_frame(frame, result, self._tracks.trails())
        self._count += 1
        if len(self.pictures) > self._max_kept:
            self._thin_out()

    def _thin_out(self) -> None:
        """The pictures at odd places are those that twice the interval would have kept."""
        self.pictures = dict(list(self.pictures.items())[1::2])
        self._interval *= 2
