"""Our features with the methods that pySLAM calls; needs nothing of pySLAM."""

from collections.abc import Sequence
from threading import RLock
from typing import Any

import cv2

from slam_frontend.adapters.opencv import Feature2D
from slam_frontend.types import Array

HALF_PIXEL = 0.5  # pySLAM's own learned features count from the corner of the first pixel


class SlamFrontendFeature2D:
    """Stands in for a ``BaseFeature2D`` of pySLAM; its trackers call it from two threads."""

    def __init__(
        self, num_features: int = 1000, device: str | None = None, name: str = "superpoint-fast", **settings: Any
    ):
        self.device = device
        self.lock = RLock()
        self._name, self._settings = name, settings
        self.setMaxFeatures(num_features)

    def setMaxFeatures(self, num_features: int) -> None:
        """Find at most so many from now on."""
        with self.lock:
            self.num_features = num_features
            self._feature2d = Feature2D(self._name, max_keypoints=num_features, **self._settings)

    def detectAndCompute(self, frame: Array, mask: Array | None = None) -> tuple[list[cv2.KeyPoint], Array | None]:
        """Keypoints, best first, and descriptors, None without keypoints."""
        with self.lock:
            keypoints, descriptors = self._feature2d.detectAndCompute(frame, mask)
        return [_shifted(point, HALF_PIXEL) for point in keypoints], descriptors

    def detect(self, frame: Array, mask: Array | None = None) -> list[cv2.KeyPoint]:
        """Keypoints, best first."""
        return self.detectAndCompute(frame, mask)[0]

    def compute(
        self, frame: Array, kps: Sequence[cv2.KeyPoint] | None = None, mask: Array | None = None
    ) -> tuple[list[cv2.KeyPoint], Array | None]:
        """The keypoints inside the image and their descriptors, whatever the ``mask``, for those of a grid come in
        crops; without keypoints those that it finds."""
        if kps is None:
            return self.detectAndCompute(frame, mask)
        with self.lock:
            kept, descriptors = self._feature2d.compute(frame, [_shifted(point, -HALF_PIXEL) for point in kps])
        return [_shifted(point, HALF_PIXEL) for point in kept], descriptors


def _shifted(point: cv2.KeyPoint, by: float) -> cv2.KeyPoint:
    x, y = point.pt
    return cv2.KeyPoint(x + by, y + by, point.size, point.angle, point.response, point.octave, point.class_id)
