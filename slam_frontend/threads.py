"""How the threads of a run share the cores."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

TURN = 0.0005  # seconds


@contextmanager
def shared_cores() -> Iterator[None]:
    """What the loop over a recording's frames runs in: reading, extraction, tracking and mapping in turns.

    Threads take turns in Python ten times as often as they do by themselves: one that calls OpenCV for a fraction of a
    millisecond would wait five for its next turn (KITTI in stereo: a tenth more frames a second). And products of
    matrices are worked out where they are asked for: those of a frame are small, and the threads that BLAS keeps for
    them would wait for the next one in a busy loop, on cores that others need (on two cores a third more frames a
    second). The number of cores then changes no result either.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        with ThreadpoolController().limit(limits=1, user_api="blas"):
            yield
    finally:
        sys.setswitchinterval(before)
