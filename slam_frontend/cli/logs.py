"""Where the library's log goes: warnings to the terminal, everything to the run's own file."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slam_frontend.errors import OutputError

PACKAGE = "slam_frontend"


class _OnStderr(logging.Handler):
    """One line each, on whatever stderr is at that moment (a progress bar replaces it)."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname.lower()}: {record.getMessage()}", file=sys.stderr)


@contextmanager
def logging_to(file: Path | None) -> Iterator[logging.Logger]:
    """The package's logger with both outlets, for as long as the context lasts."""
    logger = logging.getLogger(PACKAGE)
    handlers: list[logging.Handler] = [_OnStderr(logging.WARNING)]
    if file:
        handlers.append(_open(file))
    logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield logger
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _open(file: Path) -> logging.Handler:
    logging.raiseExceptions = False  # a full disk is reported once, by what writes the results
    try:
        handler = logging.FileHandler(file, mode="w")
    except OSError as error:
        raise OutputError(f"{file}: can't be written ({error.strerror}); choose another --out") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler
