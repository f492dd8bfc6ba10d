"""How much of a clip's error is chance: the same views tracked again, each time without some of their keypoints."""

from collections.abc import Callable
from functools import partial
from statistics import mean, stdev

import numpy as np

from slam_frontend.cli.benchmarks.replay import Replay
from slam_frontend.datasets import Sequence
from slam_frontend.evaluation.trajectory import TrajectoryMetrics
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import summarise
from slam_frontend.types import Frame, View

COUNT = 7
SHARE = 0.9  # of the keypoints of a view that a draw keeps


def measure_draws(
    views: dict[int, View], open_clip: Callable[[], tuple[Sequence, Frontend]]
) -> list[TrajectoryMetrics]:
    """What the poses as known at their frames are worth in each draw that locates enough to tell.

    ``views`` are those of the clip's frames by their index; ``open_clip`` gives its frames and a new frontend.
    """
    measured = []
    for seed in range(COUNT):
        sequence, frontend = open_clip()
        result = run_whole(Replay(frontend, partial(_thin, views=views, seed=seed)), sequence)
        online = summarise(result, sequence.sensor, sequence.truth).online
        measured += [online] if online else []
    return measured


def mean_and_spread(errors: list[float]) -> str:
    """Metres with the standard deviation of one draw, and how many of the draws there are, if not all."""
    if len(errors) < 2:
        return "-"
    few = f" ({len(errors)} of {COUNT} located)" if len(errors) < COUNT else ""
    return f"{mean(errors):.4f} m ± {stdev(errors) / mean(errors):.1%}{few}"


def _thin(frame: Frame, views: dict[int, View], seed: int) -> View:
    view = views[frame.index]
    chances = np.random.default_rng((seed, frame.index)).random(len(view.keypoints))
    return view.select(np.flatnonzero(chances < SHARE))
