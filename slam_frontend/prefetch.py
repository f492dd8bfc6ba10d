"""Frames read ahead in a thread, so that decoding and tracking share the cores."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue

from slam_frontend.types import Frame

DEPTH = 4  # frames
PATIENCE = 0.1  # seconds between looks at whether the other side has gone


class _End:
    """The last thing in the queue, with the error that ended the reading, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextmanager
def prefetch(frames: Iterable[Frame]) -> Iterator[Iterator[Frame]]:
    """The same frames in the same order; an error of the reader is raised where the frame was expected."""
    queue: Queue[Frame | _End] = Queue(DEPTH)
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(frames, queue, stop), name="frame reader", daemon=True)
    reader.start()
    try:
        yield _drain(queue)
    finally:
        stop.set()
        reader.join(timeout=2.0)  # a camera may hang in its driver; the thread is a daemon then


def _read(frames: Iterable[Frame], queue: "Queue[Frame | _End]", stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for frame in frames:
            if not _put(frame, queue, stop):
                return
    except BaseException as caught:  # handed to the consumer, who raises it
        error = caught
    _put(_End(error), queue, stop)


def _put(item: "Frame | _End", queue: "Queue[Frame | _End]", stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            queue.put(item, timeout=PATIENCE)
            return True
        except Full:
            continue
    return False


def _drain(queue: "Queue[Frame | _End]") -> Iterator[Frame]:
    while True:
        try:
            item = queue.get(timeout=PATIENCE)  # a wait without an end could not be interrupted everywhere
        except Empty:
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
