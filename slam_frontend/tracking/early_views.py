"""Views that were seen before the map had landmarks, located as soon as it has some."""

from collections import deque
from dataclasses import replace

import numpy as np

from slam_frontend.config import TrackerConfig
from slam_frontend.geometry import se3
from slam_frontend.mapping import LocalMap
from slam_frontend.tracking.hypothesis import find_pose, settle_pose
from slam_frontend.tracking.witnesses import Witness
from slam_frontend.types import Array, Camera, FrameResult, Keyframe, Matches, PoseEstimate, TrackingState, View

MAX_VIEWS = 60  # the latest; to locate one takes about two milliseconds, and tracking waits for it
MAX_WITNESSES = 3
MIN_SHARED = 30  # keypoints of a witness


class EarlyViews:
    """Remembers the views that the first keyframe waited through, and which of their keypoints it saw."""

    def __init__(self, camera: Camera, config: TrackerConfig) -> None:
        self.camera = camera
        self.config = config
        self._first: Keyframe | None = None
        self._waiting: deque[tuple[View, Array]] = deque(maxlen=MAX_VIEWS)  # with (M,2) rows of keyframe and view

    def begin(self, first: Keyframe) -> None:
        """The only keyframe, which views are now paired with; another than before begins anew."""
        if self._first is not first:
            self._first = first
            self._waiting.clear()

    def note(self, view: View, matches: Matches) -> None:
        """A view that waits, and its matches with the keyframe (row of the keyframe, row of the view)."""
        slim = replace(view.features, descriptors=view.features.descriptors[:, :0].copy())
        self._waiting.append((replace(view, features=slim), matches.indices))

    def witnesses(self, keypoint_ids: Array) -> list[Witness]:
        """Some of the views that wait, spread over them: what they saw of these keypoints of the first keyframe."""
        if self._first is None:
            return []
        match_of = np.full(len(self._first.view.keypoints), -1)
        match_of[keypoint_ids] = np.arange(len(keypoint_ids))
        spread = np.linspace(0, len(self._waiting) - 1, MAX_WITNESSES + 2)[1:-1] if self._waiting else np.empty(0)
        witnesses = []
        for row in np.unique(np.rint(spread).astype(int)).tolist():
            view, matched = self._waiting[row]
            shared = matched[match_of[matched[:, 0]] >= 0]
            if len(shared) >= MIN_SHARED:
                witnesses.append(Witness(view.select(shared[:, 1]), match_of[shared[:, 0]]))
        return witnesses

    def locate(self, map: LocalMap) -> tuple[FrameResult, ...]:
        """The first keyframe and the views after it, once the map has landmarks; empty before, and empty after."""
        if self._first is None or not len(map.landmarks):
            return ()
        first, waiting = self._first, [*self._waiting]
        self._first = None
        self._waiting.clear()
        keypoint_ids, landmark_ids = map.associations(first.id)
        if not len(landmark_ids):  # the map began elsewhere
            return ()
        landmark_of = np.full(len(first.view.keypoints), -1)
        landmark_of[keypoint_ids] = landmark_ids
        T_world_first = map.poses[first.id]
        itself = PoseEstimate(TrackingState.TRACKING, T_world_first, keypoint_ids, landmark_ids)
        results = [FrameResult(first.view, _of_map(itself, map), first, (first.id, np.eye(4)))]
        for view, matched in waiting:
            estimate = self._locate(view, matched[:, 1], landmark_of[matched[:, 0]], map)
            if estimate and estimate.T_world_cam is not None:
                reference = first.id, se3.inverse(T_world_first) @ estimate.T_world_cam
                results.append(FrameResult(view, estimate, None, reference))
        return tuple(results)

    def _locate(self, view: View, keypoint_ids: Array, landmark_ids: Array, map: LocalMap) -> PoseEstimate | None:
        """From what the first keyframe's keypoints have become: landmarks, or -1."""
        keypoint_ids, landmark_ids = keypoint_ids[landmark_ids >= 0], landmark_ids[landmark_ids >= 0]
        positions = map.landmarks.positions[map.landmarks.rows(landmark_ids)]
        T_world_cam = find_pose(positions, view.keypoints[keypoint_ids], self.camera, self.config)
        if T_world_cam is None:
            return None
        estimate = settle_pose(T_world_cam, view, (keypoint_ids, landmark_ids, positions), self.camera, self.config)
        return estimate and _of_map(estimate, map)


def _of_map(estimate: PoseEstimate, map: LocalMap) -> PoseEstimate:
    """With no more expected than was seen."""
    return replace(estimate, expected_ids=estimate.landmark_ids, segment=map.segment)
