"""How the threads of a run share the cores."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

TURN = 0.0005  # seconds


class _Sharing:
    """Settings of the whole process: made by the first who comes, taken back when the last has gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._before = ExitStack()  # what leads back to it

    def join(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before.callback(sys.setswitchinterval, sys.getswitchinterval())
                sys.setswitchinterval(TURN)
                self._before.enter_context(ThreadpoolController().limit(limits=1, user_api="blas"))

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._before.close()


_SHARING = _Sharing()


@contextmanager
def shared_cores() -> Iterator[None]:
    """What a loop over a recording's frames runs in: reading, extraction, tracking and mapping in turns.

    Threads take turns in Python ten times as often as they do by themselves: one that calls OpenCV for a fraction of a
    millisecond would wait five for its next turn (KITTI in stereo: a tenth more frames a second). And products of
    matrices are worked out where they are asked for: those of a frame are small, and the threads that BLAS keeps for
    them would wait for the next one in a busy loop, on cores that others need (on two cores a third more frames a
    second). The number of cores then changes no result either.

    Both are settings of the process, for all of its threads, until the last of those who asked for them is done. Of
    BLAS it reaches what is loaded when the first one asks: make extractor and frontend before.
    """
    _SHARING.join()
    try:
        yield
    finally:
        _SHARING.leave()
