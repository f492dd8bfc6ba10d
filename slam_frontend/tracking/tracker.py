"""Where a view was taken from, given the map: read, never changed."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from slam_frontend.config import TrackerConfig
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.mapping import LandmarkSearch, LocalMap
from slam_frontend.matching import Matcher
from slam_frontend.tracking.hypothesis import find_pose, settle_pose
from slam_frontend.tracking.initializer import Initializer
from slam_frontend.tracking.motion import ConstantVelocity
from slam_frontend.tracking.relocalizer import Relocalizer
from slam_frontend.types import Array, Camera, FrameResult, PoseEstimate, TrackingState, View

CONVINCING = 0.2  # of the landmarks that should be in sight; a pose that finds fewer may be a chance agreement
STEADY = 0.5  # of those that the last frame saw; where fewer are found, near a wrong place wrong ones may agree
ENOUGH = 300  # landmarks at most, taken evenly from those seen last, for a pose that all in sight refine


class Tracker:
    """Locates views one after the other; remembers how the camera moves, and what waits for a map."""

    def __init__(
        self, camera: Camera, config: TrackerConfig, search: LandmarkSearch, matcher: Matcher, initializer: Initializer
    ) -> None:
        self.camera = camera
        self.config = config
        self.search = search
        self.initializer = initializer
        self.relocalizer = Relocalizer(camera, config, matcher)
        self.motion = ConstantVelocity()
        self.last_seen = np.empty(0, np.int64)  # landmark ids
        self.pixel_scale = pixel_scale(camera)

    def locate(self, view: View, map: LocalMap) -> PoseEstimate:
        """The pose of a view with its landmarks, or INITIALIZING, or LOST."""
        if map.latest() is None:
            estimate = self.initializer.begin(view)
        elif not len(map.landmarks):
            estimate = self.initializer.pair(view, map)
        else:
            estimate = self._best(chain(self._follow(view, map), self._relocalize(view, map)), len(view.features))
        if estimate.T_world_cam is None:
            self.motion.forget()
        else:
            self.motion.update(view.timestamp, estimate.T_world_cam)
            self.last_seen = estimate.landmark_ids
        return replace(estimate, segment=map.segment)

    def look_back(self, map: LocalMap) -> tuple[FrameResult, ...]:
        """Results anew of the views before the map's first landmarks; once, as soon as it has them."""
        return self.initializer.early.locate(map)

    def _best(self, attempts: Iterator[PoseEstimate], num_keypoints: int) -> PoseEstimate:
        """The first attempt that finds a fair part of what it should and, unless a second one was made too, of what the
        last frame saw, else the one that finds most, else LOST."""
        best = PoseEstimate(TrackingState.LOST)
        for row, estimate in enumerate(attempts):
            if len(estimate.landmark_ids) > len(best.landmark_ids):
                best = estimate
            found, expected = len(best.landmark_ids), min(len(best.expected_ids), num_keypoints)
            if found >= CONVINCING * expected and (row or found >= STEADY * len(self.last_seen)):
                break
        return best

    def _follow(self, view: View, map: LocalMap) -> Iterator[PoseEstimate]:
        """Look for the map where the motion so far says that it should be, then further around."""
        predicted = self.motion.predict(view.timestamp)
        if predicted is None:
            return
        recent = self._recent(map)
        some = recent[:: max(1, math.ceil(len(recent) / ENOUGH))]
        steps = (self.config.search_radius, some), (self.config.wide_search_radius, recent)
        for radius, ids in steps if self.motion.is_known else reversed(steps):  # near a wrong place, wrong ones agree
            T_world_cam = self._find_pose(view, map, predicted, radius * self.pixel_scale, ids)
            estimate = None if T_world_cam is None else self._track_local_map(view, map, T_world_cam)
            if estimate:
                yield estimate

    def _relocalize(self, view: View, map: LocalMap) -> Iterator[PoseEstimate]:
        for T_world_cam in self.relocalizer.candidates(view, map):
            estimate = self._track_local_map(view, map, T_world_cam)
            if estimate and len(estimate.landmark_ids) >= self.config.min_relocalization_inliers:
                yield estimate

    def _find_pose(self, view: View, map: LocalMap, T_world_cam: Array, radius: float, ids: Array) -> Array | None:
        """A pose by RANSAC from some landmarks, found near their projections."""
        visible = map.visible_from(T_world_cam, self.camera, margin=radius, among=ids)
        matches = self.search.match(visible, view, radius)
        landmark_rows, keypoint_ids = matches.indices.T
        return find_pose(visible.positions[landmark_rows], view.keypoints[keypoint_ids], self.camera, self.config)

    def _recent(self, map: LocalMap) -> Array:
        """Ids of the landmarks that the last frame or the last keyframe saw."""
        latest = map.latest()
        return self.last_seen if latest is None else np.union1d(self.last_seen, map.associations(latest.id)[1])

    def _track_local_map(self, view: View, map: LocalMap, T_world_cam: Array) -> PoseEstimate | None:
        """The pose that all landmarks in sight agree on, from a pose that is nearly right."""
        visible = map.visible_from(T_world_cam, self.camera)
        matches = self.search.match(visible, view, self.config.search_radius * self.pixel_scale / 2)
        landmark_rows, keypoint_ids = matches.indices.T
        sights = keypoint_ids, visible.ids[landmark_rows], visible.positions[landmark_rows]
        estimate = settle_pose(T_world_cam, view, sights, self.camera, self.config)
        return estimate and replace(estimate, expected_ids=visible.ids)
