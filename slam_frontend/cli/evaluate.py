"""``slam-frontend evaluate``: results against the truth."""

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson

if TYPE_CHECKING:
    from slam_frontend.trajectory import Trajectory

logger = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class AlignmentChoice(StrEnum):
    """How the estimate is moved onto the truth before positions are compared."""

    SE3 = "se3"
    SIM3 = "sim3"
    NONE = "none"


@app.callback()
def root() -> None:
    """Judge results by the truth."""


@app.command("trajectory")
def trajectory(
    estimate: Annotated[Path, typer.Argument(help="A trajectory file: TUM, KITTI or EuRoC.")],
    truth: Annotated[Path, typer.Argument(help="The true one, of any of these formats.")],
    align: Annotated[AlignmentChoice, typer.Option(help="sim3 for one camera alone.")] = AlignmentChoice.SE3,
    max_difference: Annotated[float, typer.Option(min=0, help="Seconds between a pose and its truth.")] = 0.02,
    times: Annotated[
        Path | None, typer.Option(help="KITTI's times.txt: for errors a second, and where one side has timestamps.")
    ] = None,
    json: AsJson = False,
) -> None:
    """ATE, RPE and KITTI's drift of a trajectory."""
    from slam_frontend.cli.tables import print_metrics
    from slam_frontend.evaluation.trajectory import evaluate, find_other_scale
    from slam_frontend.files import to_json

    with warnings_on_stderr():
        both = _read_both(estimate, truth, times)
        metrics = evaluate(*both, align.value, max_difference)
        scale = find_other_scale(*both, metrics, max_difference) if align is AlignmentChoice.SE3 else None
        if scale is not None:
            logger.warning("%s would fit at %.3g times its size: is it of one camera? --align sim3", estimate, scale)
    if json:
        print(to_json(metrics.as_dict()))
    else:
        print_metrics(metrics)


def require_times(path: Path, times: Path | None) -> None:
    """SequenceError where a trajectory that is compared with one that has timestamps has none."""
    from slam_frontend.errors import SequenceError
    from slam_frontend.trajectory import recognise

    if times is None and recognise(path) == "kitti":
        raise SequenceError(f"{path}: a KITTI file has no timestamps, the other one does; give --times times.txt")


def _read_both(estimate: Path, truth: Path, times: Path | None) -> "tuple[Trajectory, Trajectory]":
    from slam_frontend.trajectory import read_trajectory, recognise

    are_kitti = [recognise(path) == "kitti" for path in (estimate, truth)]
    if are_kitti[0] != are_kitti[1]:
        require_times(estimate if are_kitti[0] else truth, times)
    estimated, true = read_trajectory(estimate, times), read_trajectory(truth, times, is_truth=True)
    if all(are_kitti) and len(estimated) != len(true):
        logger.warning(
            "%s has %d poses and %s has %d: rows are matched from the first on; if one of them begins later, "
            "give its TUM file and --times times.txt for the other",
            *(estimate, len(estimated), truth, len(true)),
        )
    return estimated, true
