"""Walks through a rendered room: their truth is exact, and their camera has no lens."""

from collections.abc import Iterator
from dataclasses import dataclass

from slam_frontend.cli.benchmarks.clips import REPLAY
from slam_frontend.cli.benchmarks.draws import COUNT, SHARE, mean_and_spread, measure_draws
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.progress import note
from slam_frontend.config import ExtractorConfig, RunConfig
from slam_frontend.datasets import Sequence
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.evaluation.trajectory import TrajectoryMetrics
from slam_frontend.features import beside_tracking
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import RunSummary, summarise
from slam_frontend.types import Frame, Sensor, View

WALKS = {
    "RGB-D, turning round": RenderConfig(num_frames=200, look_around=True, depth_noise=0.3, seed=1),
    "mono": RenderConfig(sensor=Sensor.MONO, num_frames=200, seed=1),
    "stereo, turning round": RenderConfig(sensor=Sensor.STEREO, num_frames=200, look_around=True, seed=2),
}
HEADINGS = ["walk", "features", "located", "ATE online", "ATE after mapping", "ATE of draws"]
LEGEND = (
    "200 frames of 320x240 each, by `slam_frontend.datasets.rendered`; mono is aligned by a similarity, the others "
    f"rigidly. Draws as under Clips: {COUNT} runs, each of which sees another {SHARE:.0%} of the keypoints."
)


@dataclass(frozen=True)
class Walked:
    """A walk as one extractor's features tracked it."""

    walk: str
    spec: str
    summary: RunSummary
    draws: list[TrajectoryMetrics]  # of the poses as known at their frames


def track_walks(contenders: dict[str, ExtractorConfig]) -> list[Walked]:
    """All walks with all extractors."""
    walked = []
    for walk, recorded in WALKS.items():
        sequence = _Kept(RenderedSequence(recorded))
        walked += [_track(walk, sequence, spec, config) for spec, config in contenders.items()]
    return walked


def walks_section(walked: list[Walked]) -> str:
    """The results as a table."""
    return "\n".join([table(HEADINGS, [_cells(row) for row in walked]), "", LEGEND])


class _Kept:
    """A sequence whose frames are made once."""

    def __init__(self, sequence: Sequence) -> None:
        self.name, self.sensor, self.camera = sequence.name, sequence.sensor, sequence.camera
        self.truth = sequence.truth
        self.skipped: list[str] = []
        self._frames = list(sequence)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)


def _track(walk: str, sequence: Sequence, spec: str, extractor: ExtractorConfig) -> Walked:
    note(f"{walk}, with {spec}")
    views: dict[int, View] = {}

    def open_walk(config: ExtractorConfig) -> tuple[Sequence, Frontend]:
        settings = RunConfig(extractor=beside_tracking(config))
        return sequence, Frontend.from_config(settings, sequence.camera, sequence.sensor)

    _, frontend = open_walk(extractor)
    result = run_whole(frontend, sequence, lambda frame, located: views.update({frame.index: located.view}))
    draws = measure_draws(views, lambda: open_walk(REPLAY))
    return Walked(walk, spec, summarise(result, sequence.sensor, sequence.truth), draws)


def _cells(row: Walked) -> list[str]:
    located = f"{row.summary.located_in_the_end}/{row.summary.frames}"
    errors = [f"{metrics.ate.rmse:.4f} m" if metrics else "-" for metrics in (row.summary.online, row.summary.final)]
    return [row.walk, row.spec, located, *errors, mean_and_spread([draw.ate.rmse for draw in row.draws])]
