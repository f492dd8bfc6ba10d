"""Builds the map from located views; the only one that changes it."""

import numpy as np

from slam_frontend.config import MapperConfig
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.mapping.adjustment import LocalAdjustment
from slam_frontend.mapping.creation import (
    landmarks_from_depth,
    landmarks_from_parallax,
    link_to_neighbour,
    merge_doubles,
)
from slam_frontend.mapping.keyframes import KeyframePolicy
from slam_frontend.mapping.lens import LensSearch
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.mapping.search import LandmarkSearch
from slam_frontend.matching import Matcher
from slam_frontend.types import Camera, Keyframe, PoseEstimate, TrackingState, View

NUM_NEIGHBOURS = 3  # keyframes that new landmarks are looked for with
LINK_RADIUS = 4.0  # pixels at 640 columns
PROBATION = 1  # keyframes after which a landmark must have been seen again
YOUNG_PATIENCE = 3  # lost frames that a map is waited for, per frame located in it: its first may have been blurred
MIN_EXPECTED = 8  # frames that should have seen a landmark, before it is judged by
MIN_FOUND = 0.25  # the fraction of them that did (Mur-Artal 2015, section VI.B)


class Mapper:
    """Keyframes, landmarks, culling and bundle adjustment, in this order."""

    def __init__(
        self,
        camera: Camera,
        config: MapperConfig,
        matcher: Matcher,
        search: LandmarkSearch,
        min_features: int,
        patience: int,
        is_mono: bool = False,
    ) -> None:
        """The lens of one camera is looked for where its images are said to have no distortion."""
        self.camera = camera
        self.config = config
        self.matcher = matcher
        self.search = search
        self.min_features = min_features
        self.patience = patience
        self.policy = KeyframePolicy(config, camera)
        is_lens_unknown = is_mono and config.refine_distortion and not any(camera.distortion)
        lens = LensSearch(camera, config.max_iterations) if is_lens_unknown else None
        self.adjustment = LocalAdjustment(camera, config, lens)
        self.num_located = 0  # frames in the map's latest segment, early views aside
        self.num_lost = 0

    def update(self, view: View, estimate: PoseEstimate, map: LocalMap) -> Keyframe | None:
        """The keyframe that a view became, or None."""
        if estimate.T_world_cam is None:
            return self._without_pose(view, estimate, map)
        self.num_lost = 0
        map.landmarks.times_expected[map.landmarks.rows(estimate.expected_ids)] += 1
        map.landmarks.times_found[map.landmarks.rows(estimate.landmark_ids)] += 1
        keyframe = self._insert(view, estimate, map) if self.policy.wants(view, estimate, map) else None
        self.num_located += 1  # after what may begin a segment
        return keyframe

    def advance(self, map: LocalMap) -> None:
        """A frame has passed: take in what was adjusted beside the street, when its time has come."""
        self.adjustment.advance(map)

    def finish(self, map: LocalMap) -> None:
        """Take in what is still being computed, before the map is read for the last time."""
        self.adjustment.finish(map)

    def _insert(self, view: View, estimate: PoseEstimate, map: LocalMap) -> Keyframe:
        if not len(map.landmarks) and np.isfinite(view.depth).any():
            self._begin_segment(map)  # a view that waited for depth has no place in the map that depth begins
        assert estimate.T_world_cam is not None, "only located views become keyframes of a map"
        keyframe = map.add_keyframe(view, estimate.T_world_cam)
        map.observe(keyframe, estimate.keypoint_ids, estimate.landmark_ids)
        self.adjustment.finish(map)  # before rows of the map are removed
        keyframe = map.keyframes[keyframe.id]  # seen anew if that found the lens
        self.policy.begin()
        self._create_landmarks(keyframe, map)
        self._cull(map)
        self.adjustment.begin(map, keyframe.id)
        return keyframe

    def _without_pose(self, view: View, estimate: PoseEstimate, map: LocalMap) -> Keyframe | None:
        if estimate.state is TrackingState.LOST:
            self.num_lost += len(view.features) >= self.min_features
            if self.num_lost >= min(YOUNG_PATIENCE * max(1, self.num_located), self.patience):
                self._begin_segment(map)
            return None
        if len(view.features) < self.min_features or len(estimate.paired_ids) >= self.min_features:
            return None
        self._begin_segment(map)  # the first view is out of sight: this one takes its place
        return map.add_keyframe(view, np.eye(4))

    def _begin_segment(self, map: LocalMap) -> None:
        self.num_located = self.num_lost = 0
        self.adjustment.finish(map)
        map.begin_segment()

    def _create_landmarks(self, keyframe: Keyframe, map: LocalMap) -> None:
        landmarks_from_depth(map, keyframe, self.camera)
        neighbours = [map.keyframes[id] for id, _ in map.covisible(keyframe.id)[:NUM_NEIGHBOURS]]
        if not neighbours:
            neighbours = [other for other in map.keyframes.values() if other.id != keyframe.id][-1:]
        min_parallax = np.deg2rad(self.config.min_parallax_deg)
        for neighbour in neighbours:
            landmarks_from_parallax(map, neighbour, keyframe, self.matcher, self.camera, min_parallax)
        radius = LINK_RADIUS * pixel_scale(self.camera)
        for neighbour in neighbours:
            link_to_neighbour(map, keyframe, neighbour, self.search, self.camera, radius)
        merge_doubles(map, keyframe, self.search, self.camera, radius)

    def _cull(self, map: LocalMap) -> None:
        latest = map.latest()
        assert latest is not None, "culling follows the insertion of a keyframe"
        table = map.landmarks
        unconfirmed = (latest.id - table.born == PROBATION) & (map.num_observations() < 2)
        overlooked = (table.times_expected >= MIN_EXPECTED) & (table.times_found < MIN_FOUND * table.times_expected)
        map.remove_landmarks(table.ids[unconfirmed | overlooked])
        for keyframe_id in self.policy.redundant(map):
            map.remove_keyframe(keyframe_id)
