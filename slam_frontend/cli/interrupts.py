"""Ctrl-C, and the end of a batch job, where something must still be finished."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)

EXIT_INTERRUPTED = 130  # what a shell says of a command that Ctrl-C ended
SIGNALS = signal.SIGINT, signal.SIGTERM
PATIENCE = 3  # interrupts


@contextmanager
def at_most_interrupts(count: int) -> Iterator[None]:
    """So many interrupts raise KeyboardInterrupt here; those after them only hear that results are being written,
    unless they persist. Signals that this process ignores stay ignored."""
    heard = 0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        put_off = heard - count
        if put_off <= 0 or put_off > PATIENCE:
            raise KeyboardInterrupt
        logger.warning("what was computed is being written (asked to stop %d of %d times)", put_off, PATIENCE + 1)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = [number for number, handler in before.items() if callable(handler)]
    for number in heeded:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
