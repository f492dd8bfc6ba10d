"""Work done ahead in a thread: frames are read, and their features extracted, while the one before is tracked."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 0.1  # seconds between looks at whether the other side has gone


class _End:
    """The last thing in the queue, with the error that ended the work, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextmanager
def prefetch(items: Iterable[T], name: str, depth: int) -> Iterator[Iterator[T]]:
    """The same items in the same order, up to ``depth`` of them made in advance by a thread of that name; an error on
    the way is raised where the item was expected."""
    queue: Queue[T | _End] = Queue(depth)
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(items, queue, stop), name=name, daemon=True)
    worker.start()
    try:
        yield _drain(queue, stop)
    finally:
        stop.set()
        worker.join(timeout=2.0)  # a camera may hang in its driver; the thread is a daemon then


def _work(items: Iterable[T], queue: "Queue[T | _End]", stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(item, queue, stop):
                return
    except BaseException as caught:  # handed to the consumer, who raises it
        error = caught
    _put(_End(error), queue, stop)


def _put(item: "T | _End", queue: "Queue[T | _End]", stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            queue.put(item, timeout=PATIENCE)
            return True
        except Full:
            continue
    return False


def _drain(queue: "Queue[T | _End]", stop: threading.Event) -> Iterator[T]:
    while True:
        try:
            item = queue.get(timeout=PATIENCE)  # a wait without an end could not be interrupted everywhere
        except Empty:
            if stop.is_set():  # a worker that was stopped doesn't say that it has ended
                return
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
