"""Ctrl-C, and the end of a batch job, where something must still be finished."""

import logging
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

logger = logging.getLogger(__name__)

EXIT_INTERRUPTED = 130  # what a shell says of a command that Ctrl-C ended
HANG_UP = getattr(signal, "SIGHUP", None)  # the terminal has gone; Windows knows none
SIGNALS = [number for number in (signal.SIGINT, signal.SIGTERM, HANG_UP) if number is not None]
PATIENCE = 3  # interrupts


def end_as_ctrl_c_does() -> None:
    """The end of a batch job, or of the terminal, is from now on as good as Ctrl-C; what is ignored, as under nohup,
    stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _mind_the_terminal(number)
    raise KeyboardInterrupt


def _mind_the_terminal(number: int) -> None:
    """Where the terminal has gone, what would be printed there goes nowhere: it would fail, and end the run with it."""
    if number != HANG_UP:
        return
    with open(os.devnull, "w") as nowhere:
        for stream in (1, 2):
            with suppress(OSError):  # closed already
                if stat.S_ISCHR(os.fstat(stream).st_mode):
                    os.dup2(nowhere.fileno(), stream)


@contextmanager
def at_most_interrupts(count: int) -> Iterator[None]:
    """So many interrupts raise KeyboardInterrupt here; those after them only hear that results are being written,
    unless they persist. Signals that this process ignores stay ignored."""
    heard = 0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        _mind_the_terminal(number)
        heard += 1
        put_off = heard - count
        if put_off <= 0 or put_off > PATIENCE:
            raise KeyboardInterrupt
        logger.warning("what was computed is being written (asked to stop %d of %d times)", put_off, PATIENCE + 1)

    with _heeding(hear):
        yield


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """The first interrupt is noted, for work that comes to a good end by itself, the next raises KeyboardInterrupt.
    Yields what tells whether one was."""
    heard = 0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        _mind_the_terminal(number)
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt
        logger.warning("stopping when what is being done is done; once more to stop at once")

    with _heeding(hear):
        yield lambda: heard > 0


@contextmanager
def _heeding(hear: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = [number for number, handler in before.items() if callable(handler)]
    for number in heeded:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
