"""What a run looks like from outside, put into words and pictures for a window."""

import cv2
import numpy as np

from slam_frontend.evaluation.trajectory import alignment_of
from slam_frontend.frontend import Frontend
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Frame, FrameResult
from slam_frontend.viz.draw import Tracks, tracked_rows
from slam_frontend.viz.space.landmark_colours import LandmarkColours
from slam_frontend.viz.space.moment import PANEL_WIDTH, Moment
from slam_frontend.viz.space.tracked_path import UP_OF_FIRST_CAMERA, TrackedPath, TruthBeside

MAX_POINTS = 50_000


class Observer:
    """Follows a frontend from frame to frame, and makes a moment of it when asked."""

    def __init__(self, frontend: Frontend, colours: LandmarkColours, truth: Trajectory | None, is_metric: bool) -> None:
        self._frontend, self._colours = frontend, colours
        self._truth = None if truth is None else TruthBeside(truth, alignment_of(is_metric))
        self._path, self._tracks = TrackedPath(), Tracks()
        self._latest: tuple[Frame, FrameResult] | None = None

    @property
    def has_seen(self) -> bool:
        """Whether there was any frame yet."""
        return self._latest is not None

    def note(self, frame: Frame, result: FrameResult) -> None:
        """Remember what is cheap to remember of each frame."""
        self._tracks.update(result)
        self._path.add(result, self._frontend.map)
        self._latest = frame, result

    def moment(self, is_last: bool = False) -> Moment:
        """Everything as it is after the frame noted last."""
        assert self._latest is not None
        frame, result = self._latest
        camera, map, path = self._frontend.camera, self._frontend.map, self._path.trajectory()
        cloud = self._colours.cloud()
        cloud = cloud.select(np.flatnonzero(cloud.segments == map.segment))
        few = cloud.select(np.arange(0, len(cloud), len(cloud) // MAX_POINTS + 1))
        image, factor = _reduced(frame)
        keyframes = [pose for id, pose in map.poses.items() if id >= self._path.first_keyframe]
        return Moment(
            segment=map.segment,
            positions=path.T_world_cam[:, :3, 3],
            T_world_cam=result.estimate.T_world_cam,
            truth=np.empty((0, 3)) if self._truth is None else self._truth.positions(path),
            keyframes=np.array(keyframes).reshape(-1, 4, 4),
            points=few.positions,
            colours=np.empty((0, 3), np.uint8) if few.colours is None else few.colours,
            up=UP_OF_FIRST_CAMERA if self._truth is None else self._truth.up(path),
            half=(camera.width / camera.fx / 2, camera.height / camera.fy / 2),
            image=image,
            keypoints=factor * (result.view.features.keypoints + 0.5) - 0.5,
            tracked=tracked_rows(result.estimate),
            trails=[factor * (trail + 0.5) - 0.5 for trail in self._tracks.trails()],
            words=_in_words(frame, result, len(cloud), len(keyframes)),
            is_last=is_last,
        )


def _reduced(frame: Frame) -> tuple[Array, float]:
    """The frame as wide as the panel, and by how much it was reduced."""
    image = frame.image if frame.colour is None else frame.colour
    factor = PANEL_WIDTH / image.shape[1]
    size = PANEL_WIDTH, round(factor * image.shape[0])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR), factor


def _in_words(frame: Frame, result: FrameResult, num_landmarks: int, num_keyframes: int) -> tuple[str, ...]:
    estimate = result.estimate
    return (
        f"frame {frame.index}: {estimate.state}{', keyframe' if result.keyframe else ''}",
        f"{len(estimate.landmark_ids)} of {len(result.view.features)} keypoints on landmarks",
        f"{num_landmarks:,} landmarks, {num_keyframes} keyframes",
    )
