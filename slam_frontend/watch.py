"""How long work tells how far it has come."""

from collections.abc import Callable

Watch = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


def ignore_progress(_stage: str, _done: int, _total: int) -> None:
    """For who doesn't watch."""
