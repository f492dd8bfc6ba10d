"""Which views are worth keeping."""

import numpy as np

from slam_frontend.config import MapperConfig
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.types import Array, Camera, Keyframe, PoseEstimate, View

STILL = 2.0  # pixels; a camera that moved less shows nothing new
NUM_WITNESSES = 3  # other keyframes that must see a landmark before a keyframe's own sight is one too many
REDUNDANT = 0.9  # of a keyframe's landmarks
KEEP_NEWEST = 3  # keyframes that are never redundant


class KeyframePolicy:
    """Counts in pixels and fractions, never in metres: a single camera has none."""

    def __init__(self, config: MapperConfig, camera: Camera) -> None:
        self.config = config
        self.pixel_scale = pixel_scale(camera)
        self.most_tracked = 0  # landmarks in one view since the last keyframe
        self.num_views = 0  # located since then

    def wants(self, view: View, estimate: PoseEstimate, map: LocalMap) -> bool:
        """Whether a located view should become a keyframe."""
        latest = map.latest()
        if latest is None or not len(map.landmarks):
            return True
        num_tracked = len(estimate.landmark_ids)
        self.most_tracked = max(num_tracked, self.most_tracked)
        self.num_views += 1
        shift = self._median_shift(latest, map, view, estimate)
        if shift <= STILL * self.pixel_scale:
            return False
        thinned = num_tracked < max(self.config.min_tracked, self.config.min_tracked_fraction * self.most_tracked)
        overdue = self.num_views >= self.config.max_keyframe_gap
        return thinned or overdue or shift > self.config.min_shift * self.pixel_scale

    def begin(self) -> None:
        """A keyframe was made: count anew."""
        self.most_tracked = self.num_views = 0

    def redundant(self, map: LocalMap) -> list[int]:
        """Ids of keyframes whose landmarks enough others see, but for the oldest, which holds the map in place; then
        the oldest beyond the number allowed."""
        candidates = list(map.keyframes)[:-KEEP_NEWEST]
        num_observations = map.num_observations()
        spare = next((id for id in candidates[1:] if self._is_redundant(map, id, num_observations)), None)
        if spare is not None:
            return [spare]
        return candidates[: max(0, len(map.keyframes) - self.config.max_keyframes)]

    def _median_shift(self, latest: Keyframe, map: LocalMap, view: View, estimate: PoseEstimate) -> float:
        keypoint_ids, landmark_ids = map.associations(latest.id)
        seen_by = np.full(len(map.landmarks), -1)  # keypoints of the keyframe
        seen_by[map.landmarks.rows(landmark_ids)] = keypoint_ids
        before = seen_by[map.landmarks.rows(estimate.landmark_ids)]
        shared = np.flatnonzero(before >= 0)
        if not len(shared):
            return np.inf
        shifts = view.keypoints[estimate.keypoint_ids[shared]] - latest.view.keypoints[before[shared]]
        return float(np.median(np.hypot(*shifts.T)))

    def _is_redundant(self, map: LocalMap, keyframe_id: int, num_observations: Array) -> bool:
        _, landmark_ids = map.associations(keyframe_id)
        if not len(landmark_ids):
            return True
        others = num_observations[map.landmarks.rows(landmark_ids)] - 1
        return bool((others >= NUM_WITNESSES).mean() > REDUNDANT)
