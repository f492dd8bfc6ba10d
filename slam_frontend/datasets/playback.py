"""Plays a reader: the wanted frames in order, without those that can't be used."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count, islice

from slam_frontend.datasets.base import Reader
from slam_frontend.errors import SequenceError
from slam_frontend.types import Array, Frame

logger = logging.getLogger(__name__)


class Playback:
    """The Sequence that ``open_sequence`` gives back; each pass over it reads anew and counts ``skipped`` anew."""

    def __init__(self, reader: Reader, start: int = 0, limit: int | None = None, stride: int = 1) -> None:
        if start < 0 or stride < 1 or (limit is not None and limit < 1):
            raise SequenceError(
                f"start {start}, limit {limit}, stride {stride}: expected a start from 0, a limit and a stride from 1"
            )
        if 0 < len(reader) <= start:
            raise SequenceError(f"{reader.name}: has {len(reader)} frames, so none is left from --start {start}")
        self.reader = reader
        self.name, self.sensor, self.camera = reader.name, reader.sensor, reader.camera
        self.truth = reader.truth
        self.skipped: list[str] = []
        self._window = start, limit, stride

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def indices(self) -> range:
        """Of the frames that are to be played; empty where only the end shows how many there are."""
        start, limit, stride = self._window
        return range(start, len(self.reader), stride)[:limit]

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        last: Frame | None = None
        for position in self._positions():
            try:
                frame = self.reader.read(position)
                if frame is None:
                    break
                frame = self._checked(frame, last)
            except SequenceError as error:
                self._skip(str(error))
                continue
            yield frame
            last = frame
        if last is None:
            reasons = f"; the first: {self.skipped[0]}" if self.skipped else ""
            raise SequenceError(f"{self.name}: not one frame could be used{reasons}")

    def _positions(self) -> Iterable[int]:
        if len(self.reader):
            return self.indices
        start, limit, stride = self._window
        return islice(count(start, stride), limit)

    def _checked(self, frame: Frame, last: Frame | None) -> Frame:
        height, width = frame.image.shape
        if (width, height) != (self.camera.width, self.camera.height):
            raise SequenceError(
                f"frame {frame.index}: is {width}x{height}, expected {self.camera.width}x{self.camera.height}"
            )
        if last is not None and not frame.timestamp > last.timestamp:
            relation = "the same timestamp as" if frame.timestamp == last.timestamp else "an earlier timestamp than"
            raise SequenceError(f"frame {frame.index}: has {relation} frame {last.index} ({frame.timestamp:.6f} s)")
        return replace(
            frame,
            right=self._fitting("right image", frame.right, frame),
            depth=self._fitting("depth", frame.depth, frame),
        )

    def _fitting(self, what: str, image: Array | None, frame: Frame) -> Array | None:
        if image is None or image.shape == frame.image.shape:
            return image
        logger.warning("frame %d: its %s is %dx%d and is left out", frame.index, what, *image.shape[1::-1])
        return None

    def _skip(self, sentence: str) -> None:
        self.skipped.append(sentence)
        logger.warning("skipped: %s", sentence)
