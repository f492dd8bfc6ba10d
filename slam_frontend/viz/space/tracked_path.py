"""The path of the map that is being tracked, and the truth in that map's world."""

import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.trajectory import Alignment, align_to_truth
from slam_frontend.mapping import LocalMap
from slam_frontend.trajectory import MARGIN, Trajectory, associate
from slam_frontend.types import Array, FrameResult
from slam_frontend.viz.space.scene import upward

UP_OF_FIRST_CAMERA = np.array([0.0, -1.0, 0.0])
NOWHERE = np.full((4, 4), np.nan)


class TrackedPath:
    """The poses of one map; those of an earlier one have another world."""

    def __init__(self) -> None:
        self.first_keyframe = 0  # id
        self._segment = 0
        self._timestamps: list[float] = []
        self._poses: list[Array] = []

    def add(self, result: FrameResult, map: LocalMap) -> None:
        """Note a frame's pose."""
        if result.estimate.segment != self._segment:
            self._segment = result.estimate.segment
            self.first_keyframe = min(map.keyframes, default=len(map.poses))
            self._timestamps, self._poses = [], []
        self._timestamps.append(result.view.timestamp)
        self._poses.append(NOWHERE if result.estimate.T_world_cam is None else result.estimate.T_world_cam)

    def trajectory(self) -> Trajectory:
        """All that was noted."""
        return Trajectory(np.array(self._timestamps), np.array(self._poses).reshape(-1, 4, 4))


class TruthBeside:
    """A truth that is moved onto what has been tracked so far, as the metrics do it in the end."""

    def __init__(self, truth: Trajectory, alignment: Alignment) -> None:
        self._truth, self._alignment = truth.select(truth.located), alignment
        self._up = upward(truth.T_world_cam)

    def positions(self, path: Trajectory) -> Array:
        """(M,3) the true path until the last pose; empty where the two have too little in common yet."""
        until_now = self._truth.during(path.timestamps)
        try:
            pair = align_to_truth(path, until_now, self._alignment)
        except SequenceError:
            return np.empty((0, 3))
        R, t = pair.T_truth_estimate[:3, :3], pair.T_truth_estimate[:3, 3]
        return np.asarray((until_now.T_world_cam[:, :3, 3] - t) @ R / pair.scale)

    def up(self, path: Trajectory) -> Array:
        """(3,) what is up in the path's world, by how its first pose is turned in truth."""
        path = path.select(path.located)
        pairs = associate(path.timestamps, self._truth.timestamps, MARGIN)[:1]
        for row, true_row in pairs:
            R_world_truth = path.T_world_cam[row, :3, :3] @ self._truth.T_world_cam[true_row, :3, :3].T
            return np.asarray(R_world_truth @ self._up)
        return UP_OF_FIRST_CAMERA
