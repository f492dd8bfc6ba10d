"""The clips that every change is held against."""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

from slam_frontend.cli.benchmarks.draws import COUNT, SHARE, mean_and_spread, measure_draws
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.benchmarks.starts import Starts, measure_starts, starts_table
from slam_frontend.cli.progress import note
from slam_frontend.config import ExtractorConfig, RunConfig, load_config
from slam_frontend.datasets import Sequence, open_sequence
from slam_frontend.evaluation.trajectory import TrajectoryMetrics
from slam_frontend.features import beside_tracking
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import RunSummary, summarise
from slam_frontend.types import Sensor, View

logger = logging.getLogger(__name__)

TUM = "sequences/tum/rgbd_dataset_freiburg1_xyz"
KITTI = "sequences/kitti/sequences"


@dataclass(frozen=True)
class Clip:
    """A recording below the data folder, and what the project promises of it."""

    name: str
    path: str
    sensor: str
    limit: int
    promise: str


CLIPS = (
    Clip("fr1_xyz, RGB-D", TUM, "rgbd", 250, "all located, ATE <= 0.011 m"),
    Clip("fr1_xyz, mono", TUM, "mono", 250, "first pose within 30 frames, never lost after, ATE <= 0.015 m"),
    Clip("KITTI 00, stereo", f"{KITTI}/00", "stereo", 80, "all located, ATE <= 0.47 m"),
    Clip("KITTI 00, mono", f"{KITTI}/00", "mono", 80, "first pose within 15 frames, never lost, ATE <= 2 %"),
    Clip("KITTI 07, mono", f"{KITTI}/07", "mono", 60, "first pose within 15 frames, never lost, ATE <= 2 %"),
)
MAX_RUNS, MAX_SECONDS = 3, 12  # a clip is played again until there are so many runs, or they took so long
STAGES = ["extract", "depth", "track", "map", "all but extract", "all"]
REPLAY = ExtractorConfig(name="fast", own_process=False)  # of a frontend that is only shown what was seen before
ERRORS = ["ATE online", "ATE after mapping", "ATE of draws"]
LOCATED = ["clip", "features", "located", "located after mapping", "first pose", "lost", *ERRORS]
TIMES = ["clip", "features", "ms a frame", *(f"ms {stage}" for stage in STAGES)]
LEGEND = (
    "Located: at their time, and in the end with the frames that one camera's map waited through before it began. ATE "
    "is of those located at their time, and also given as a share of the path; mono is aligned by a similarity, the "
    f"others rigidly. Draws: mean of the ATE online of {COUNT} runs, each of which sees another {SHARE:.0%} of the "
    "keypoints, and the standard deviation of one of them: single runs that differ by less differ by chance. A frame's "
    "milliseconds are those of the whole run over its frames, the median of up to three runs; a stage's are its median "
    "in the last of them, and stages overlap: the next frames' features are extracted while this one is tracked. "
    "Promised of the default features:"
)


@dataclass(frozen=True)
class Tracked:
    """A clip as one extractor's features tracked it."""

    clip: Clip
    summary: RunSummary
    milliseconds: float  # of a frame, on the clock, reading and mapping included
    draws: list[TrajectoryMetrics]  # of the poses as known at their frames, each without some of the keypoints
    starts: Starts | None  # of one camera

    @property
    def ate_percent(self) -> float | None:
        """The mean error of the draws, in percent of the path."""
        return mean(draw.ate_percent for draw in self.draws) if self.draws else None


def track_clips(data: Path, contenders: dict[str, ExtractorConfig]) -> dict[str, list[Tracked]]:
    """All clips that are there with all extractors; nothing where there are none."""
    clips = [clip for clip in CLIPS if (data / clip.path).exists()]
    if not clips:
        logger.warning("%s: no clips; expected %s and %s", data, TUM, KITTI)
        return {}
    return {spec: [_track(data, clip, spec, config) for clip in clips] for spec, config in contenders.items()}


def clips_section(tracked: dict[str, list[Tracked]], notes: list[str]) -> str:
    """The results as tables, in which all extractors of a clip stand together, with what is promised."""
    by_clip = zip(*tracked.values(), strict=True)
    rows = [(spec, row) for clip in by_clip for spec, row in zip(tracked, clip, strict=True)]
    located = table(LOCATED, [_located(spec, row) for spec, row in rows])
    times = table(TIMES, [_times(spec, row) for spec, row in rows])
    promises = [f"- {clip.name}: {clip.promise}" for clip in CLIPS]
    begun = [(row.clip.name, spec, row.starts) for spec, row in rows if row.starts]
    parts = [located, "", times, "", LEGEND, "", *promises, *notes]
    return "\n".join([*parts, "", starts_table(begun)] if begun else parts)


def open_clip(data: Path, clip: Clip, extractor: ExtractorConfig, start: int = 0) -> tuple[Sequence, Frontend]:
    """A clip's frames from ``start`` on, at most as many as its limit, and a new frontend for them."""
    config = load_config(RunConfig, overrides=[f"sensor={clip.sensor}"])
    config = config.model_copy(update={"extractor": beside_tracking(extractor)})
    sequence = open_sequence(data / clip.path, sensor=config.sensor, start=start, limit=clip.limit)
    return sequence, Frontend.from_config(config, sequence.camera, sequence.sensor)


def _track(data: Path, clip: Clip, spec: str, extractor: ExtractorConfig) -> Tracked:
    note(f"{clip.name} with {spec}")
    seconds: list[float] = []
    views: dict[int, View] = {}
    while len(seconds) < MAX_RUNS and sum(seconds) < MAX_SECONDS:
        sequence, frontend = open_clip(data, clip, extractor)
        started = time.perf_counter()
        result = run_whole(frontend, sequence, lambda frame, located: views.update({frame.index: located.view}))
        seconds.append(time.perf_counter() - started)
    milliseconds = median(seconds) * 1e3 / len(result.indices)
    seen = replace(clip, limit=max(views) + 1)  # all of it, unless it ended early
    draws = measure_draws(views, lambda: open_clip(data, seen, REPLAY))
    starts = None
    if sequence.sensor is Sensor.MONO:
        starts = measure_starts(views, lambda start, limit: open_clip(data, replace(clip, limit=limit), REPLAY, start))
    return Tracked(clip, summarise(result, sequence.sensor, sequence.truth), milliseconds, draws, starts)


def _located(spec: str, tracked: Tracked) -> list[str]:
    summary = tracked.summary
    errors = [
        f"{metrics.ate.rmse:.4f} m, {metrics.ate_percent:.2f} %" if metrics else "-"
        for metrics in (summary.online, summary.final)
    ]
    errors.append(mean_and_spread([draw.ate.rmse for draw in tracked.draws]))
    located = [f"{count}/{summary.frames}" for count in (summary.located, summary.located_in_the_end)]
    return [tracked.clip.name, spec, *located, str(summary.initialised_at or "-"), str(summary.lost), *errors]


def _times(spec: str, tracked: Tracked) -> list[str]:
    times = [tracked.milliseconds, *(tracked.summary.milliseconds[stage].median for stage in STAGES)]
    return [tracked.clip.name, spec, *(f"{time:.1f}" for time in times)]
