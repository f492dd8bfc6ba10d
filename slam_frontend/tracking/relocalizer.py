"""Where a lost camera may be, by what the keyframes look like."""

from collections.abc import Iterator

import numpy as np

from slam_frontend.config import TrackerConfig
from slam_frontend.mapping import LocalMap
from slam_frontend.matching import Matcher
from slam_frontend.tracking.hypothesis import find_pose
from slam_frontend.types import Array, Camera, Keyframe, View

MAX_CANDIDATES = 5  # keyframes that a lost frame is compared with in full
GLANCE = 150  # features of each that are compared first, to choose them


class Relocalizer:
    """Compares a view with the keyframes, most alike first."""

    def __init__(self, camera: Camera, config: TrackerConfig, matcher: Matcher) -> None:
        self.camera = camera
        self.config = config
        self.matcher = matcher

    def candidates(self, view: View, map: LocalMap) -> Iterator[Array]:
        """T_world_cam by RANSAC against one keyframe after the other, where enough matches agree."""
        for keyframe in self._most_alike(view, map):
            keypoint_ids, landmark_ids = map.associations(keyframe.id)
            features = keyframe.view.features.select(keypoint_ids)
            rows, keypoints = self.matcher.match(features, view.features).indices.T
            positions = map.landmarks.positions[map.landmarks.rows(landmark_ids[rows])]
            T_world_cam = find_pose(positions, view.keypoints[keypoints], self.camera, self.config)
            if T_world_cam is not None:
                yield T_world_cam

    def _most_alike(self, view: View, map: LocalMap) -> list[Keyframe]:
        glance = view.features.select(np.arange(min(GLANCE, len(view.features))))
        votes = []
        for keyframe in reversed(map.keyframes.values()):
            best = keyframe.view.features.select(np.arange(min(2 * GLANCE, len(keyframe.view.features))))
            votes.append((-len(self.matcher.match(glance, best)), keyframe))
        votes.sort(key=lambda vote: vote[0])
        return [keyframe for _, keyframe in votes[:MAX_CANDIDATES]]
