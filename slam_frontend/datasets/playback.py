"""Plays a reader: the wanted frames in order, without those that can't be used."""

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count, islice

from slam_frontend.datasets.base import Reader, require_frame
from slam_frontend.errors import SequenceError
from slam_frontend.types import Array, Frame

logger = logging.getLogger(__name__)

NUM_SAID = 5  # frames whose reasons are warned of one by one; the others stand in the log


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
        frame = None
        for frame in self._in_order(self._usable()):
            yield frame
        if len(self.skipped) > NUM_SAID:
            logger.warning("skipped: %d more frames", len(self.skipped) - NUM_SAID)
        if frame is None:
            reasons = f"; the first: {self.skipped[0]}" if self.skipped else ""
            raise SequenceError(f"{self.name}: not one frame could be used{reasons}")

    def _usable(self) -> Iterator[Frame]:
        for position in self._positions():
            try:
                frame = self.reader.read(position)
                if frame is None:
                    break
                frame = self._checked(frame)
            except SequenceError as error:
                self._skip(str(error))
            else:
                yield frame

    def _in_order(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames whose timestamps rise. That one is too great shows when the next steps back: each waits for the
        next, except where a live camera may be filming."""
        is_live = len(self.reader) == 0
        last: Frame | None = None  # that was given out
        held: Frame | None = None
        for frame in frames:
            if held is None or frame.timestamp > held.timestamp:
                if held is not None and held is not last:
                    yield held
                last, held = held, frame
                if is_live:
                    yield frame
                    last = frame
            elif frame.timestamp < held.timestamp and (last is None or frame.timestamp > last.timestamp):
                self._skip(_misplaced(held, "a later timestamp than", frame))
                held = frame
            else:
                is_same = frame.timestamp == held.timestamp
                self._skip(_misplaced(frame, "the same timestamp as" if is_same else "an earlier timestamp than", held))
        if held is not None and held is not last:
            yield held

    def _positions(self) -> Iterable[int]:
        if len(self.reader):
            return self.indices
        start, limit, stride = self._window
        return islice(count(start, stride), limit)

    def _checked(self, frame: Frame) -> Frame:
        height, width = frame.image.shape[:2]
        if (width, height) != (self.camera.width, self.camera.height):
            raise SequenceError(
                f"frame {frame.index}: is {width}x{height}, expected {self.camera.width}x{self.camera.height}"
            )
        require_frame(replace(frame, right=None, depth=None), self.camera)
        if not math.isfinite(frame.timestamp):
            raise SequenceError(f"frame {frame.index}: its timestamp is {frame.timestamp}, expected seconds")
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
        is_said = len(self.skipped) <= NUM_SAID
        logger.log(logging.WARNING if is_said else logging.INFO, "skipped: %s", sentence)


def _misplaced(frame: Frame, relation: str, other: Frame) -> str:
    return f"frame {frame.index}: has {relation} frame {other.index} ({frame.timestamp:.6f} s)"
