"""What a run left in its folder, read again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

from slam_frontend.errors import SequenceError
from slam_frontend.frame_table import FrameTable, read_frames
from slam_frontend.trajectory import Trajectory, associate, read_tum
from slam_frontend.types import Array, Sensor

T = TypeVar("T")

SAME_TIME = 2e-6  # seconds: the files count microseconds
SAME_PLACE = 1e-6  # metres


@dataclass(frozen=True)
class RunFolder:
    """One run; what an older version or an interrupted one did not write is None or empty."""

    path: Path
    metrics: dict[str, Any]  # of metrics.json
    config: dict[str, Any]
    online: Trajectory  # one row for each frame, lost where there was no pose; located frames only without a table
    final: Trajectory
    truth: Trajectory | None
    frames: FrameTable | None
    pictures: dict[int, Path]  # drawn frames by index

    @property
    def name(self) -> str:
        """What the run's folder is called."""
        return self.path.resolve().name

    @property
    def recording(self) -> str | None:
        """What was tracked."""
        return self.metrics.get("recording")

    @property
    def is_metric(self) -> bool:
        """Whether its lengths are metres: one camera alone knows no scale."""
        return bool(self.metrics.get("sensor") != Sensor.MONO)

    @property
    def longest_segment(self) -> Array:
        """(N,) bool: the rows of the map that located the most; all without a table."""
        return np.ones(len(self.online), bool) if self.frames is None else self.frames.longest_segment

    @property
    def missing(self) -> list[str]:
        """A sentence for each thing that is not there."""
        sentences = []
        if self.truth is None:
            sentences.append("no truth.txt, so there are no errors over time and no true path")
        if self.frames is None:
            sentences.append("no frames.csv, so there are no landmarks and no times over time")
        if not self.pictures:
            sentences.append("no pictures in frames/")
        return [f"{self.name}: {sentence}" for sentence in sentences]

    def is_of_same_recording(self, other: "RunFolder") -> bool:
        """Whether both tracked the same thing: their truths agree where they overlap, at more than one moment, for many
        begin at the origin; without, they say so by name."""
        if self.truth is None or other.truth is None:
            return self.recording is not None and self.recording == other.recording
        pairs = associate(self.truth.timestamps, other.truth.timestamps, SAME_TIME)
        places = self.truth.T_world_cam[pairs[:, 0], :3, 3], other.truth.T_world_cam[pairs[:, 1], :3, 3]
        return len(pairs) > 1 and np.allclose(*places, rtol=0, atol=SAME_PLACE)


def read_run(path: Path | str) -> RunFolder:
    """A run's folder, or SequenceError where there is none or a file of it is damaged."""
    path = Path(path)
    if not (path / "metrics.json").is_file():
        found = "has no metrics.json" if path.is_dir() else "is no folder"
        raise SequenceError(f"{path}: {found}; expected the results of `slam-frontend run`")
    frames = _if_there(read_frames, path / "frames.csv")
    online, final = (
        _at_every_frame(_read_poses(path / name), frames) for name in ("trajectory_online.txt", "trajectory.txt")
    )
    return RunFolder(
        path=path,
        metrics=_read_mapping(path / "metrics.json", json.loads),
        config=_if_there(lambda file: _read_mapping(file, yaml.safe_load), path / "config.yaml") or {},
        online=online,
        final=final,
        truth=_if_there(_read_poses, path / "truth.txt") or None,
        frames=frames,
        pictures={int(file.stem): file for file in sorted(path.glob("frames/[0-9]*.png")) if file.stem.isdigit()},
    )


def _if_there(read: Callable[[Path], T], path: Path) -> T | None:
    return read(path) if path.exists() else None


def _read_mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    try:
        values = parse(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, yaml.YAMLError) as error:
        raise SequenceError(f"{path}: is damaged ({' '.join(str(error).split())}); run the recording again") from error
    if not isinstance(values, dict):
        raise SequenceError(f"{path}: expected names with values, found {type(values).__name__}")
    return values


def _read_poses(path: Path) -> Trajectory:
    """A run that never located itself has written an empty file, and older versions did for a truth of other times."""
    if path.is_file() and path.stat().st_size == 0:
        return Trajectory(np.empty(0), np.empty((0, 4, 4)))
    return read_tum(path)


def _at_every_frame(located: Trajectory, frames: FrameTable | None) -> Trajectory:
    if frames is None:
        return located
    T_world_cam = np.full((len(frames), 4, 4), np.nan)
    pairs = associate(frames.timestamps, located.timestamps, SAME_TIME)
    T_world_cam[pairs[:, 0]] = located.T_world_cam[pairs[:, 1]]
    return Trajectory(frames.timestamps, T_world_cam)
