"""What the frontend knows of the world: keyframes, landmarks, and who saw what."""

from dataclasses import replace

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import inside, project, undistort_view
from slam_frontend.geometry.vectors import row_dots
from slam_frontend.mapping.landmarks import LandmarkTable, is_among
from slam_frontend.mapping.search import VisibleLandmarks
from slam_frontend.types import Array, Camera, Keyframe, View

MAX_VIEWING_ANGLE_COSINE = 0.5  # a landmark is looked for within 60 degrees of where it was seen last
MAX_DISTANCE_RATIO = 4.0  # and between a quarter and four times the distance


class LocalMap:
    """Keyframes in memory with their landmarks; only the mapper changes it.

    ``poses`` outlives the keyframes: every keyframe ever made keeps its T_world_cam there.
    """

    def __init__(self) -> None:
        self.keyframes: dict[int, Keyframe] = {}
        self.poses: dict[int, Array] = {}
        self.landmarks = LandmarkTable()
        self.segment = 0
        self.distortion: tuple[float, ...] = ()  # of a lens that was said to have none; empty unless found
        self.observed_landmarks = np.empty(0, np.int64)  # the three columns of the observations
        self.observed_in = np.empty(0, np.int64)
        self.observed_keypoints = np.empty(0, np.int64)
        self._rows_of: dict[int, Array] = {}  # of the observations, by keyframe, as far as they were asked for
        self._retired: list[Array] = []  # positions of landmarks that no keyframe in memory sees any more
        self._retired_ids: list[Array] = []

    def latest(self) -> Keyframe | None:
        """The newest keyframe."""
        return next(reversed(self.keyframes.values()), None)

    def add_keyframe(self, view: View, T_world_cam: Array) -> Keyframe:
        """A new keyframe at a pose, with no associations yet."""
        keyframe = Keyframe(len(self.poses), view)
        self.keyframes[keyframe.id] = keyframe
        self.poses[keyframe.id] = T_world_cam
        return keyframe

    def observe(self, keyframe: Keyframe, keypoint_ids: Array, landmark_ids: Array) -> None:
        """Record that keypoints of a keyframe see landmarks; the newest sight gives a landmark its looks."""
        self.observed_landmarks, self.observed_in, self.observed_keypoints = (  # in one go: Ctrl-C may come any time
            np.concatenate([self.observed_landmarks, landmark_ids]),
            np.concatenate([self.observed_in, np.full(len(landmark_ids), keyframe.id)]),
            np.concatenate([self.observed_keypoints, keypoint_ids]),
        )
        self._rows_of.pop(keyframe.id, None)
        table, features = self.landmarks, keyframe.view.features
        if keyframe.id == max(self.keyframes) and table.descriptors is not None:
            rows = table.rows(landmark_ids)
            table.descriptors[rows] = features.descriptors[keypoint_ids]
            table.scales[rows] = features.scales[keypoint_ids]
            table.seen_from[rows] = self.poses[keyframe.id][:3, 3]

    def add_landmarks(self, keyframe: Keyframe, keypoint_ids: Array, positions: Array) -> Array:
        """Ids of new (M,3) landmarks that keypoints of a keyframe see."""
        features = keyframe.view.features
        descriptors, scales = features.descriptors[keypoint_ids], features.scales[keypoint_ids]
        centre = self.poses[keyframe.id][:3, 3]
        ids = self.landmarks.add(positions, descriptors, scales, centre, keyframe.id)
        self.observe(keyframe, keypoint_ids, ids)
        return ids

    def associations(self, keyframe_id: int) -> tuple[Array, Array]:
        """(M,) keypoint ids and (M,) landmark ids of one keyframe."""
        rows = self.rows_of(keyframe_id)
        return self.observed_keypoints[rows], self.observed_landmarks[rows]

    def rows_of(self, keyframe_id: int) -> Array:
        """(M,) rows of the observations that one keyframe made."""
        if keyframe_id not in self._rows_of:
            self._rows_of[keyframe_id] = np.flatnonzero(self.observed_in == keyframe_id)
        return self._rows_of[keyframe_id]

    def unassociated(self, keyframe: Keyframe) -> Array:
        """(M,) keypoint ids of a keyframe that see no landmark yet."""
        free = np.ones(len(keyframe.view.features), bool)
        free[self.associations(keyframe.id)[0]] = False
        return np.flatnonzero(free)

    def num_observations(self) -> Array:
        """(L,) keyframes that see each landmark."""
        return np.bincount(self.landmarks.rows(self.observed_landmarks), minlength=len(self.landmarks))

    def covisible(self, keyframe_id: int) -> list[tuple[int, int]]:
        """(keyframe id, shared landmarks) of the other keyframes in memory, most shared first."""
        _, seen = self.associations(keyframe_id)
        shared = is_among(self.observed_landmarks, seen) & (self.observed_in != keyframe_id)
        ids, counts = np.unique(self.observed_in[shared], return_counts=True)
        return sorted(zip(ids.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], -pair[0]))

    def visible_from(
        self, T_world_cam: Array, camera: Camera, margin: float = 0.0, among: Array | None = None
    ) -> VisibleLandmarks:
        """Landmarks that fall into the image, seen from a similar side and distance as before; of certain ids only, if
        ids are given (those that are no longer in the map are passed over)."""
        table = self.landmarks
        rows = np.arange(len(table)) if among is None else np.flatnonzero(is_among(table.ids, among))
        pixels = project(se3.transform(se3.inverse(T_world_cam), table.positions[rows]), camera)
        seen = np.flatnonzero(inside(pixels, self.seen_through(camera), -margin))
        pixels, rows = pixels[seen], rows[seen]
        centre, positions = T_world_cam[:3, 3], table.positions[rows]
        now, before = centre - positions, table.seen_from[rows] - positions
        distance_now, distance_before = np.sqrt(row_dots(now, now)), np.sqrt(row_dots(before, before))
        ratio = distance_before / distance_now
        similar = row_dots(now, before) > MAX_VIEWING_ANGLE_COSINE * distance_now * distance_before
        similar &= (ratio > 1 / MAX_DISTANCE_RATIO) & (ratio < MAX_DISTANCE_RATIO)
        kept = np.flatnonzero(similar)
        rows, pixels, scales = rows[kept], pixels[kept], (table.scales[rows] * ratio)[kept]
        descriptors = table.descriptors[rows] if table.descriptors is not None else np.empty((0, 0))
        return VisibleLandmarks(table.ids[rows], table.positions[rows], descriptors, pixels, scales)

    def seen_through(self, camera: Camera) -> Camera:
        """A camera as it was given, with the distortion that was found in its images if any was."""
        return replace(camera, distortion=self.distortion) if self.distortion else camera

    def undistort(self, camera: Camera) -> None:
        """See all keyframes anew through a camera whose lens is known better now."""
        seen = {id: replace(one, view=undistort_view(one.view, camera)) for id, one in self.keyframes.items()}
        self.distortion, self.keyframes = camera.distortion, seen

    def remove_landmarks(self, ids: Array, retire: bool = False) -> None:
        """Forget landmarks and who saw them; ``retire`` keeps their positions for the point cloud."""
        gone = is_among(self.landmarks.ids, ids)
        if retire and gone.any():
            self._retired.append(self.landmarks.positions[gone].astype(np.float32))
            self._retired_ids.append(self.landmarks.ids[gone])
        self.landmarks.keep(~gone)
        self._keep_observations(~is_among(self.observed_landmarks, ids))

    def merge_landmarks(self, doubles: Array, originals: Array) -> None:
        """Make (M,) landmarks one with (M,) others: who saw the double saw the original, a keyframe once at most."""
        is_double = is_among(self.observed_landmarks, doubles)
        order = np.argsort(doubles)
        merged = self.observed_landmarks.copy()
        merged[is_double] = originals[order][np.searchsorted(doubles[order], merged[is_double])]
        sights = self.observed_in * self.landmarks.next_id + merged  # a number for each keyframe and landmark
        of_originals = sights[~is_double & is_among(merged, originals)]
        self.observed_landmarks = merged
        self.remove_observations(np.flatnonzero(is_double)[np.isin(sights[is_double], of_originals)])
        self.landmarks.keep(~is_among(self.landmarks.ids, doubles))

    def remove_observations(self, rows: Array) -> None:
        """Forget single sights, by their row."""
        keep = np.ones(len(self.observed_in), bool)
        keep[rows] = False
        self._keep_observations(keep)

    def remove_keyframe(self, keyframe_id: int) -> None:
        """Let a keyframe go; its pose stays, and landmarks that nobody else sees retire."""
        del self.keyframes[keyframe_id]
        self._keep_observations(self.observed_in != keyframe_id)
        self.remove_landmarks(self.landmarks.ids[self.num_observations() == 0], retire=True)

    def begin_segment(self) -> None:
        """Retire everything in memory, so that a map can be started anew; poses and point cloud stay."""
        self.segment += int(len(self.landmarks) > 0)
        self.remove_landmarks(self.landmarks.ids, retire=True)
        self.keyframes.clear()

    def point_cloud(self) -> Array:
        """(P,3) float32 positions of all landmarks, retired ones first."""
        return np.concatenate([*self._retired, self.landmarks.positions.astype(np.float32)])

    def point_ids(self) -> Array:
        """(P,) ids of the landmarks of the point cloud."""
        return np.concatenate([*self._retired_ids, self.landmarks.ids])

    def _keep_observations(self, mask: Array) -> None:
        self._rows_of.clear()
        self.observed_landmarks, self.observed_in, self.observed_keypoints = (
            self.observed_landmarks[mask],
            self.observed_in[mask],
            self.observed_keypoints[mask],
        )
