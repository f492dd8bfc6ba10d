"""What colour each landmark has in the image that first saw it."""

from itertools import product

import numpy as np

from slam_frontend.frontend import Frontend
from slam_frontend.ply import PointCloud
from slam_frontend.types import Array, Frame, FrameResult

UNSEEN = (128, 128, 128)


class LandmarkColours:
    """Notes the colours of a frontend's landmarks; its ``update`` is an ``on_frame`` of run_sequence."""

    def __init__(self, frontend: Frontend) -> None:
        self._map = frontend.map
        self._colours = np.empty((0, 3), np.uint8)  # by landmark id
        self._segments = np.empty(0, np.uint16)

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Look at the landmarks that a keyframe made."""
        if result.keyframe is None:
            return
        known = len(self._colours)
        self._make_room()
        keypoint_ids, landmark_ids = self._map.associations(result.keyframe.id)
        new = landmark_ids >= known
        pixels = result.view.features.keypoints[keypoint_ids[new]]
        self._colours[landmark_ids[new]] = _colours_at(pixels, frame.image if frame.colour is None else frame.colour)

    def cloud(self) -> PointCloud:
        """All landmarks of the map as it is now, in the order of their birth."""
        self._make_room()  # an interrupt may have come between a keyframe and its update
        ids = self._map.point_ids()
        order = np.argsort(ids, kind="stable")
        return PointCloud(self._map.point_cloud()[order], self._colours[ids[order]], self._segments[ids[order]])

    def _make_room(self) -> None:
        more = self._map.landmarks.next_id - len(self._colours)
        self._colours = np.concatenate([self._colours, np.full((more, 3), UNSEEN, np.uint8)])
        self._segments = np.concatenate([self._segments, np.full(more, self._map.segment, np.uint16)])


def _colours_at(pixels: Array, image: Array) -> Array:
    """(M,3) uint8 means over three by three pixels; a corner's very middle is neither of its sides."""
    height, width = image.shape[:2]
    x, y = np.round(pixels).astype(int).T
    around = product((-1, 0, 1), repeat=2)
    neighbours = [image[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)] for dy, dx in around]
    means = np.mean(neighbours, axis=0).round().astype(np.uint8)
    return np.asarray(np.repeat(means[:, None], 3, axis=1) if means.ndim == 1 else means)
