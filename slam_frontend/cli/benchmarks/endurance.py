"""A clip played to and fro for thousands of frames: do time and memory stay flat?"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.cli.benchmarks.memory import held_megabytes
from slam_frontend.config import RunConfig
from slam_frontend.datasets import Sequence, open_sequence
from slam_frontend.features import beside_tracking
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_sequence
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Frame
from slam_frontend.watch import Watch, ignore_progress

CLIP_LENGTH = 100  # frames, kept in memory
EARLY, SETTLED = 500, 2000  # frames after which time and memory are taken for comparison
LEGEND = "The memory is the benchmark's own, which keeps those frames and has loaded what measures all the rest."
WATCHED = 50  # frames between looks at the memory
WINDOW = 400  # frames around a point in time whose milliseconds are averaged: keyframes cost more than others


class ToAndFro:
    """A recording that walks back and forth through the first frames of another, at their pace."""

    def __init__(self, sequence: Sequence, count: int) -> None:
        self.name, self.sensor, self.camera = sequence.name, sequence.sensor, sequence.camera
        self.truth: Trajectory | None = None
        self.skipped: list[str] = []
        self._frames = list(sequence)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        there, first = len(self._frames), self._frames[0].timestamp
        interval = (self._frames[-1].timestamp - first) / (there - 1)
        for index in range(self._count):
            place = index % (2 * there - 2)
            frame = self._frames[min(place, 2 * there - 2 - place)]
            yield replace(frame, index=index, timestamp=first + index * interval)


def measure_endurance(path: Path, count: int, watch: Watch = ignore_progress) -> str:
    """A table of milliseconds and memory over a run of ``count`` frames."""
    sequence = ToAndFro(open_sequence(path, limit=CLIP_LENGTH), count)
    memory: list[float] = []
    moments = [time.perf_counter()]

    def on_frame(frame: Frame, _: Any) -> None:
        memory.append(memory[-1] if frame.index % WATCHED else held_megabytes())
        moments.append(time.perf_counter())
        watch("endurance", frame.index + 1, count)

    config = RunConfig()
    config = config.model_copy(update={"extractor": beside_tracking(config.extractor)})
    frontend = Frontend.from_config(config, sequence.camera, sequence.sensor)
    result = run_sequence(frontend, sequence, on_frame)
    milliseconds = np.diff(moments) * 1e3
    rows = [f"| frame | ms a frame, mean of {WINDOW} around it | memory held, MB |", "| --- | --- | --- |"]
    for frame in sorted({EARLY, min(SETTLED, count // 2), count // 2, count - WINDOW // 2}):
        around = milliseconds[max(0, frame - WINDOW // 2) : frame + WINDOW // 2]
        rows.append(f"| {frame} | {around.mean():.1f} | {memory[frame]:.0f} |")
    located = int(result.online.located.sum())
    played = f"{sequence.name}, {sequence.sensor}, {CLIP_LENGTH} frames to and fro: {located}/{count} located."
    return "\n".join([*rows, "", f"{played} {LEGEND}"])
