"""Looking for landmarks in a view, near where they project."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.matching import match_projections
from slam_frontend.types import Array, Matches, View


@dataclass(frozen=True)
class VisibleLandmarks:
    """Landmarks that a camera should see, and where."""

    ids: Array  # (L,)
    positions: Array  # (L,3) world
    descriptors: Array  # (L,D)
    projections: Array  # (L,2) undistorted pixels
    scales: Array  # (L,) pyramid scale at which each should appear

    def __len__(self) -> int:
        return len(self.ids)


class LandmarkSearch:
    """Matches landmarks to the keypoints near their projections."""

    def __init__(self, config: MatcherConfig) -> None:
        self.config = config

    def match(self, visible: VisibleLandmarks, view: View, radius: float) -> Matches:
        """One-to-one matches of visible landmarks (row 0) to keypoints of the view (row 1)."""
        features = view.features
        if not len(visible) or not len(features):
            return Matches(np.empty((0, 2), np.int64), np.empty(0, np.float32))
        has_pyramid = features.scales.max() > 1
        return match_projections(
            visible.projections,
            visible.descriptors,
            features,
            view.keypoints,
            radius * np.clip(visible.scales, 1.0, 2.0) if has_pyramid else radius,
            self.config.max_distance(features.norm),
            self.config.ratio,
            visible.scales if has_pyramid else None,
        )
