"""What a process and those that it started hold at a moment, as Linux counts it."""

from collections.abc import Iterator
from pathlib import Path

PROCESSES = Path("/proc")
SHARE = "Pss:"  # pages that two processes share count half for each


def held_megabytes(pid: int | str = "self") -> float:
    """The memory of a process and its children, theirs included, of those that are still there."""
    return sum(_own_kilobytes(folder) for folder in _family(PROCESSES / str(pid))) / 1e3


def _family(folder: Path) -> Iterator[Path]:
    yield folder
    try:
        children = [
            child for task in (folder / "task").iterdir() for child in (task / "children").read_text("utf-8").split()
        ]
    except OSError:  # it has just ended
        return
    for child in children:
        yield from _family(PROCESSES / child)


def _own_kilobytes(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(SHARE)), 0)
