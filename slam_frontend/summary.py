"""A run in figures: how much was located, how fast, and how near to the truth."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slam_frontend.errors import SequenceError, describe
from slam_frontend.evaluation.trajectory import Alignment, TrajectoryMetrics, alignment_of, evaluate
from slam_frontend.pipeline import RunResult
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Sensor


@dataclass(frozen=True)
class StageTime:
    """Milliseconds a frame of one stage."""

    median: float
    p95: float


@dataclass(frozen=True)
class RunSummary:
    """What is printed, and written to ``metrics.json``."""

    recording: str
    sensor: Sensor
    frames: int
    located: int
    located_afterwards: int  # besides, of those that the map's start waited through
    lost: int
    initialised_at: int | None  # how many frames it took until the first pose, that one included
    keyframes: int
    landmarks: int
    skipped: int
    dropped: int
    interrupted: bool
    failure: str | None  # what ended it early
    located_by_segment: tuple[int, ...]
    distortion: tuple[float, ...]  # k1 k2 p1 p2 found in images that were said to have none
    milliseconds: dict[str, StageTime]
    online: TrajectoryMetrics | None  # of the longest segment
    final: TrajectoryMetrics | None  # of the same frames
    without_metrics: str | None  # why there are none

    @property
    def located_in_the_end(self) -> int:
        """How many frames have a pose after mapping."""
        return self.located + self.located_afterwards

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        errors = {name: metrics.as_dict() for name in ("online", "final") if (metrics := getattr(self, name))}
        return {**asdict(self), "online": None, "final": None, **errors}


def summarise(result: RunResult, sensor: Sensor, truth: Trajectory | None) -> RunSummary:
    """Counts and times of a run, and its errors where there is a truth: Sim(3) for one camera alone, else SE(3)."""
    online, final, reason = _errors(result, alignment_of(sensor is not Sensor.MONO), truth)
    located = result.online.located
    segments = result.segments[located]
    return RunSummary(
        recording=result.recording,
        sensor=sensor,
        frames=len(located),
        located=int(located.sum()),
        located_afterwards=int((result.final.located & ~located).sum()),
        lost=int(result.is_lost.sum()),
        initialised_at=int(located.argmax()) + 1 if located.any() else None,
        keyframes=int(result.is_keyframe.sum()),
        landmarks=len(result.points),
        skipped=len(result.skipped),
        dropped=result.dropped,
        interrupted=result.interrupted,
        failure=None if result.failure is None else describe(result.failure),
        located_by_segment=tuple(int((segments == segment).sum()) for segment in np.unique(segments)),
        distortion=result.distortion,
        milliseconds=stage_times(result.milliseconds),
        online=online,
        final=final,
        without_metrics=reason,
    )


def stage_times(milliseconds: dict[str, Array]) -> dict[str, StageTime]:
    """Median and 95th percentile by stage, of all but the extraction, and of the whole."""
    stages = {name: ms for name, ms in milliseconds.items() if len(ms)}
    if not stages:
        return {}
    others = [ms for name, ms in stages.items() if name != "extract"]
    sums = {"all but extract": np.sum(others, axis=0), "all": np.sum(list(stages.values()), axis=0)}
    return {
        name: StageTime(float(np.median(ms)), float(np.percentile(ms, 95))) for name, ms in {**stages, **sums}.items()
    }


def _errors(
    result: RunResult, align: Alignment, truth: Trajectory | None
) -> tuple[TrajectoryMetrics | None, TrajectoryMetrics | None, str | None]:
    if truth is None:
        return None, None, "the recording has no ground truth"
    try:
        online, final = (evaluate(path.keep(result.is_judged), truth, align) for path in (result.online, result.final))
    except SequenceError as error:
        return None, None, str(error)
    return online, final, None
