"""How much of a clip's error is chance: the same views tracked again, each time without some of their keypoints."""

from collections.abc import Callable
from statistics import mean, stdev

import numpy as np

from slam_frontend.datasets import Sequence
from slam_frontend.evaluation.trajectory import TrajectoryMetrics
from slam_frontend.frontend import Frontend
from slam_frontend.mapping import LocalMap
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import summarise
from slam_frontend.types import Frame, FrameResult, View

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
        result = run_whole(_Thinned(frontend, views, seed), sequence)
        online = summarise(result, sequence.sensor, sequence.truth).online
        measured += [online] if online else []
    return measured


def mean_and_spread(errors: list[float]) -> str:
    """Metres with the standard deviation of one draw, and how many of the draws there are, if not all."""
    if len(errors) < 2:
        return "-"
    few = f" ({len(errors)} of {COUNT} located)" if len(errors) < COUNT else ""
    return f"{mean(errors):.4f} m ± {stdev(errors) / mean(errors):.1%}{few}"


class _Thinned:
    """A frontend that is shown a part of what was seen before; see ``pipeline.FrameProcessor``."""

    def __init__(self, frontend: Frontend, views: dict[int, View], seed: int) -> None:
        self.clock = frontend.clock
        self._frontend = frontend
        self._views = views
        self._seed = seed

    @property
    def map(self) -> LocalMap:
        return self._frontend.map

    def see(self, frame: Frame) -> View:
        view = self._views[frame.index]
        chances = np.random.default_rng((self._seed, frame.index)).random(len(view.keypoints))
        return view.select(np.flatnonzero(chances < SHARE))

    def follow(self, view: View) -> FrameResult:
        return self._frontend.follow(view)

    def finish(self) -> None:
        self._frontend.finish()
