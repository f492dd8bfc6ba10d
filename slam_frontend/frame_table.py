"""What happened at each frame of a run, as a table that outlives it: ``frames.csv``."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.files import write_atomically
from slam_frontend.types import Array, TrackingState

COUNTS = ("index", "segment", "keypoints", "expected", "inliers", "keyframe")
MILLISECONDS = "ms_"  # before the name of a stage


@dataclass(frozen=True)
class FrameTable:
    """One row for each frame that was processed."""

    indices: Array  # (N,) of the frames in their recording
    timestamps: Array  # (N,) seconds
    states: Array  # (N,) str, of TrackingState
    segments: Array  # (N,) which map the frame was located in
    num_keypoints: Array  # (N,)
    num_expected: Array  # (N,) landmarks that should have been in sight
    num_inliers: Array  # (N,) landmarks that were, and agree with the pose
    is_keyframe: Array  # (N,) bool
    milliseconds: dict[str, Array]  # (N,) by stage

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def is_tracked(self) -> Array:
        """(N,) bool: where there is a pose."""
        return np.asarray(self.states == TrackingState.TRACKING)

    @property
    def longest_segment(self) -> Array:
        """(N,) bool: the frames of the map that located the most."""
        segments = self.segments[self.is_tracked]
        return np.asarray(self.segments == np.bincount(segments).argmax()) if len(segments) else self.is_tracked


def write_frames(table: FrameTable, path: Path) -> None:
    """Comma-separated values with a line of names; times as in the trajectory files, milliseconds by stage."""
    columns = {
        "index": table.indices,
        "timestamp": [f"{timestamp:.6f}" for timestamp in table.timestamps],
        "state": table.states,
        "segment": table.segments,
        "keypoints": table.num_keypoints,
        "expected": table.num_expected,
        "inliers": table.num_inliers,
        "keyframe": table.is_keyframe.astype(int),
        **{MILLISECONDS + stage: [f"{ms:.3f}" for ms in values] for stage, values in table.milliseconds.items()},
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_atomically(path, text.getvalue())


def read_frames(path: Path) -> FrameTable:
    """The table of a file; SequenceError that names it where it holds something else."""
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
        names = rows[0] if rows else {}
        counts = {name: np.array([int(row[name]) for row in rows], np.int64) for name in COUNTS}
        timestamps = np.array([float(row["timestamp"]) for row in rows])
        states = np.array([TrackingState(row["state"]).value for row in rows], str)
        stages = [name for name in names if name.startswith(MILLISECONDS)]
        times = {stage.removeprefix(MILLISECONDS): np.array([float(row[stage]) for row in rows]) for stage in stages}
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise SequenceError(f"{path}: is no table of a run's frames ({error}); run the recording again") from error
    return FrameTable(
        indices=counts["index"],
        timestamps=timestamps,
        states=states,
        segments=counts["segment"],
        num_keypoints=counts["keypoints"],
        num_expected=counts["expected"],
        num_inliers=counts["inliers"],
        is_keyframe=counts["keyframe"].astype(bool),
        milliseconds=times,
    )
