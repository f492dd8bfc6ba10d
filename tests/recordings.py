"""Frames to run the frontend on, and what came out of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from invariants import assert_consistent
from scipy.spatial.transform import Rotation

from slam_frontend.config import RunConfig
from slam_frontend.evaluation.trajectory import TrajectoryMetrics, evaluate
from slam_frontend.frontend import Frontend
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Camera, Frame, FrameResult, Sensor, TrackingState

LETTERS = {TrackingState.INITIALIZING: "i", TrackingState.TRACKING: ".", TrackingState.LOST: "L"}


@dataclass(frozen=True)
class Recording:
    """Frames in memory with their true poses; index and time count from nought whatever they were cut from."""

    frames: list[Frame]
    T_world_cam: Array  # (N,4,4)
    camera: Camera

    def __len__(self) -> int:
        return len(self.frames)

    def pick(self, indices: Sequence[int]) -> "Recording":
        """Some of the frames in any order, as if they had been recorded so."""
        frames = [replace(self.frames[row], index=i, timestamp=i / 30) for i, row in enumerate(indices)]
        return Recording(frames, self.T_world_cam[list(indices)], self.camera)

    def change(self, indices: Sequence[int], **columns: Any) -> "Recording":
        """The same with other images or depths in some frames."""
        frames = [replace(frame, **columns) if i in indices else frame for i, frame in enumerate(self.frames)]
        return replace(self, frames=frames)

    def then(self, other: "Recording") -> "Recording":
        """Another recording right after this one."""
        joined = Recording(
            self.frames + other.frames, np.concatenate([self.T_world_cam, other.T_world_cam]), self.camera
        )
        return joined.pick(range(len(joined)))

    @property
    def mirrored(self) -> "Recording":
        """The walk through the looking glass: a place never seen before."""
        frames = [
            replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]), depth=np.ascontiguousarray(depth[:, ::-1]))
            for frame in self.frames
            if (depth := frame.depth) is not None
        ]
        M = np.diag([-1.0, 1.0, 1.0, 1.0])
        return Recording(frames, M @ self.T_world_cam @ M, self.camera)


@dataclass(frozen=True)
class Outcome:
    """What a frontend said of a recording."""

    frontend: Frontend
    results: list[FrameResult]
    recording: Recording

    @property
    def states(self) -> str:
        """One letter a frame: i while initializing, L for lost, a dot for a pose."""
        return "".join(LETTERS[result.estimate.state] for result in self.results)

    @property
    def segments(self) -> list[int]:
        return [result.estimate.segment for result in self.results]

    @property
    def poses(self) -> Array:
        """(N,4,4), NaN where there is none."""
        nowhere = np.full((4, 4), np.nan)
        poses = [result.estimate.T_world_cam for result in self.results]
        return np.stack([nowhere if pose is None else pose for pose in poses])

    def judge(self, align: Any = "se3", segment: int = 0) -> TrajectoryMetrics:
        """The errors of the poses of one segment."""
        times = np.array([frame.timestamp for frame in self.recording.frames])
        rows = np.array(self.segments) == segment
        estimate = Trajectory(times, self.poses).keep(rows)
        return evaluate(estimate, Trajectory(times, self.recording.T_world_cam), align)


def track(recording: Recording, sensor: Sensor, **settings: Any) -> Outcome:
    """Runs a frontend over a recording, its map checked whenever it has grown; few keypoints, for speed."""
    config = RunConfig(**{"extractor": {"name": "orb", "max_keypoints": 500}, **settings})
    frontend = Frontend.from_config(config, recording.camera, sensor)
    results = []
    for frame in recording.frames:
        results.append(frontend.process(frame))
        if results[-1].keyframe is not None:
            assert_consistent(frontend.map)
    return Outcome(frontend, results, recording)


def write_euroc(trajectory: Trajectory, path: Path) -> None:
    """A truth as EuRoC has it: one line a pose, nanoseconds, commas, qw first."""
    lines = ["#timestamp [ns],px,py,pz,qw,qx,qy,qz"]
    for t, T in zip(trajectory.timestamps, trajectory.T_world_cam, strict=True):
        qx, qy, qz, qw = Rotation.from_matrix(T[:3, :3]).as_quat()
        lines.append(",".join([str(round(t * 1e9)), *(f"{number:.9f}" for number in (*T[:3, 3], qw, qx, qy, qz))]))
    path.write_text("\n".join(lines) + "\n")
