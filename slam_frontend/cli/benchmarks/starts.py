"""How one camera's maps begin and go on, wherever in a clip that is: the same views tracked from many of its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.benchmarks.replay import Replay
from slam_frontend.datasets import Sequence
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import summarise
from slam_frontend.types import View

LENGTH = 40  # frames of a piece
EVERY = 5  # frames from the start of a piece to that of the next
COLUMNS = ["clip", "features", "pieces", "with a pose", "first pose", "ATE, % of the path"]
LEGEND = (
    f"One camera begins anew every {EVERY} frames and goes on for {LENGTH}. First pose: its frame, counted from 1, in "
    "the mean of the pieces; one after the last where there is none. ATE: online, in the mean of the pieces that have "
    "one."
)


@dataclass(frozen=True)
class Starts:
    """What came of each piece of a clip."""

    length: int  # frames of each
    first_poses: list[int | None]  # frames of the piece, from 1; None where it has none
    errors: list[float]  # ATE online in percent of the path, of the pieces that have one

    def row(self) -> list[str]:
        """Cells of the table."""
        begun = sum(first is not None for first in self.first_poses)
        first_pose = mean(first or self.length + 1 for first in self.first_poses)
        error = f"{mean(self.errors):.2f}" if self.errors else "-"
        return [str(len(self.first_poses)), str(begun), f"{first_pose:.1f}", error]


def measure_starts(
    views: dict[int, View], open_piece: Callable[[int, int], tuple[Sequence, Frontend]], every: int = EVERY
) -> Starts:
    """All pieces of the clip whose views these are; ``open_piece`` gives the frames from a first one on, at most so
    many, and a new frontend."""
    first_poses, errors = [], []
    count = max(views) + 1
    length = min(LENGTH, count)
    for start in range(0, count - length + 1, every):
        sequence, frontend = open_piece(start, length)
        summary = summarise(
            run_whole(Replay(frontend, lambda frame: views[frame.index]), sequence), sequence.sensor, sequence.truth
        )
        first_poses.append(summary.initialised_at)
        errors += [summary.online.ate_percent] if summary.online else []
    return Starts(length, first_poses, errors)


def starts_table(measured: list[tuple[str, str, Starts]]) -> str:
    """Clips, features and what came of their pieces."""
    return "\n".join([table(COLUMNS, [[clip, spec, *starts.row()] for clip, spec, starts in measured]), "", LEGEND])
