"""Where the library's log goes: warnings to the terminal, everything to the run's own file."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slam_frontend.errors import OutputError

PACKAGE = logging.getLogger("slam_frontend")
MOST_ALIKE = 5  # lines that differ in their particulars alone: a recording may lack its depth in a thousand frames


class _OnStderr(logging.Handler):
    """One line each, none twice and few of a kind, on whatever stderr is at that moment: a progress bar puts itself in
    its place."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._said: dict[tuple[int, str, int], set[str]] = {}  # by level and the line of code that says it

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname.lower()}: {record.getMessage()}"
        alike = self._said.setdefault((record.levelno, record.pathname, record.lineno), set())
        if line in alike or len(alike) == MOST_ALIKE:
            return
        alike.add(line)
        print(f"{line} (no more like this are shown)" if len(alike) == MOST_ALIKE else line, file=sys.stderr)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Show what the library warns of, for as long as the context lasts."""
    with _handler(_OnStderr(logging.WARNING)):
        yield


@contextmanager
def log_file(path: Path) -> Iterator[logging.Logger]:
    """Write all that the library says into a file, for as long as the context lasts."""
    logging.raiseExceptions = False  # a disk that fills up is reported by whoever writes the results
    try:
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}); choose another --out") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    with _handler(handler):
        yield PACKAGE


@contextmanager
def _handler(handler: logging.Handler) -> Iterator[None]:
    PACKAGE.setLevel(logging.INFO)
    PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        handler.close()
