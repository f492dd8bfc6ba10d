"""New landmarks for a new keyframe: from depth, from parallax, seen again by its neighbours, each once."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import backproject, normalised
from slam_frontend.geometry.reprojection import Measurements, errors_at
from slam_frontend.geometry.triangulation import parallax, triangulate
from slam_frontend.mapping.landmarks import is_among
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.mapping.search import LandmarkSearch, VisibleLandmarks
from slam_frontend.matching import Matcher
from slam_frontend.types import Array, Camera, Keyframe


def landmarks_from_depth(map: LocalMap, keyframe: Keyframe, camera: Camera) -> None:
    """A landmark for every keypoint of known depth that sees none yet."""
    free = map.unassociated(keyframe)
    free = free[np.isfinite(keyframe.view.depth[free])]
    points = backproject(keyframe.view.keypoints[free], keyframe.view.depth[free], camera)
    map.add_landmarks(keyframe, free, se3.transform(map.poses[keyframe.id], points))


def landmarks_from_parallax(
    map: LocalMap, keyframe0: Keyframe, keyframe1: Keyframe, matcher: Matcher, camera: Camera, min_parallax: float
) -> None:
    """Landmarks that two keyframes triangulate from keypoints that see none yet."""
    free0, free1 = map.unassociated(keyframe0), map.unassociated(keyframe1)
    if not len(free0) or not len(free1):
        return
    matches = matcher.match(keyframe0.view.features.select(free0), keyframe1.view.features.select(free1))
    ids0, ids1 = free0[matches.indices[:, 0]], free1[matches.indices[:, 1]]
    T_1_0 = se3.inverse(map.poses[keyframe1.id]) @ map.poses[keyframe0.id]
    rays0 = normalised(keyframe0.view.keypoints[ids0], camera)
    rays1 = normalised(keyframe1.view.keypoints[ids1], camera)
    points0 = triangulate(rays0, rays1, T_1_0)
    good = np.isfinite(points0[:, 0]) & (parallax(rays0, rays1, T_1_0) > min_parallax)
    good &= _agrees(points0, keyframe0, ids0, camera)
    good &= _agrees(se3.transform(T_1_0, points0), keyframe1, ids1, camera)
    positions = se3.transform(map.poses[keyframe0.id], points0[good])
    landmark_ids = map.add_landmarks(keyframe1, ids1[good], positions)
    map.observe(keyframe0, ids0[good], landmark_ids)


def link_to_neighbour(
    map: LocalMap, born: Keyframe, neighbour: Keyframe, search: LandmarkSearch, camera: Camera, radius: float
) -> None:
    """Let a neighbour's free keypoints see the landmarks that a new keyframe brought."""
    ids = map.landmarks.ids[map.landmarks.born >= born.id]
    _, already = map.associations(neighbour.id)
    visible = map.visible_from(map.poses[neighbour.id], camera, among=ids[~is_among(ids, already)])
    free = map.unassociated(neighbour)
    rows, found = _find(map, visible, neighbour, free, search, camera, radius)
    map.observe(neighbour, free[found], visible.ids[rows])


def merge_doubles(map: LocalMap, keyframe: Keyframe, search: LandmarkSearch, camera: Camera, radius: float) -> None:
    """Merge landmarks that a keyframe should see, and doesn't, with those that it sees in their place; the one that
    more keyframes see stays."""
    keypoint_ids, seen = map.associations(keyframe.id)
    ids = map.landmarks.ids
    visible = map.visible_from(map.poses[keyframe.id], camera, among=ids[~is_among(ids, seen)])
    rows, found = _find(map, visible, keyframe, keypoint_ids, search, camera, radius)
    pairs = np.stack([visible.ids[rows], seen[found]])
    num_observations = map.num_observations()[map.landmarks.rows(pairs)]
    map.merge_landmarks(*np.where(num_observations[0] > num_observations[1], pairs[::-1], pairs))


def _find(
    map: LocalMap,
    visible: VisibleLandmarks,
    keyframe: Keyframe,
    keypoint_ids: Array,
    search: LandmarkSearch,
    camera: Camera,
    radius: float,
) -> Array:
    """(2,M) rows of the landmarks, and of the keypoints that may see them, that look alike and agree."""
    matched = search.match(visible, keyframe.view.select(keypoint_ids), radius).indices.T
    points = se3.transform(se3.inverse(map.poses[keyframe.id]), visible.positions[matched[0]])
    return np.asarray(matched[:, _agrees(points, keyframe, keypoint_ids[matched[1]], camera)])


def _agrees(points_cam: Array, keyframe: Keyframe, keypoint_ids: Array, camera: Camera) -> Array:
    measured = Measurements.of(keyframe.view, keypoint_ids, camera)
    return measured.agree(errors_at(points_cam, measured, camera))
