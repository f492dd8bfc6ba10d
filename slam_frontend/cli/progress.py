"""A bar for work in stages."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from slam_frontend.watch import Watch

T = TypeVar("T")


@contextmanager
def progress_bar() -> Iterator["Watch"]:
    """A bar on a terminal, and silence elsewhere; of 0 in all, it shows that work goes on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage)
            progress.update(tasks[stage], completed=done, total=total or None)

        yield watch


def watched(items: Sequence[T], stage: str, watch: "Watch") -> Iterator[T]:
    """The items, and word of each that has been dealt with."""
    for number, item in enumerate(items):
        watch(stage, number, len(items))
        yield item
    watch(stage, len(items), len(items))


def note(text: str) -> None:
    """A line on a terminal, and silence elsewhere: for work whose timing a moving bar would disturb."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
