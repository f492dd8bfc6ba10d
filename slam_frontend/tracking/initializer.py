"""The first poses of a map, before it has landmarks."""

import numpy as np

from slam_frontend.config import InitializerConfig
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.geometry.pure_rotation import gain_over_rotation
from slam_frontend.geometry.relative_pose import TwoView
from slam_frontend.mapping import LocalMap
from slam_frontend.matching import Matcher
from slam_frontend.tracking.early_views import EarlyViews
from slam_frontend.tracking.two_view import Answer, solve_two_view
from slam_frontend.types import Camera, Keyframe, Matches, PoseEstimate, TrackingState, View

MIN_GAIN = 4.0  # of two views over a turn on the spot; noise alone gains up to three
MIN_DEPTHS = 50  # keypoints of known depth that make a map at once


class Initializer:
    """Starts a map from depth at once, or, where depth never comes, from two views that see enough parallax; those in
    between are kept in ``early``."""

    def __init__(
        self,
        camera: Camera,
        config: InitializerConfig,
        matcher: Matcher,
        early: EarlyViews,
        seed: int,
        awaits_depth: bool,
    ) -> None:
        self.camera = camera
        self.config = config
        self.matcher = matcher
        self.early = early
        self.seed = seed
        self.awaits_depth = awaits_depth  # two views would choose another unit than the metres that follow

    def begin(self, view: View) -> PoseEstimate:
        """The world's origin where depth is known, else INITIALIZING."""
        if np.isfinite(view.depth).sum() >= MIN_DEPTHS:
            return PoseEstimate(TrackingState.TRACKING, np.eye(4))
        return PoseEstimate(TrackingState.INITIALIZING)

    def pair(self, view: View, map: LocalMap) -> PoseEstimate:
        """The pose against the only keyframe, with the median depth as unit of length, or INITIALIZING."""
        begun = self.begin(view)
        if begun.T_world_cam is not None:
            return begun
        first = map.latest()
        assert first is not None, "a map without keyframes has nothing to pair with"
        self.early.begin(first)
        matches = self.matcher.match(first.view.features, view.features)
        answer = Answer() if self.awaits_depth else self._solve(first, view, matches)
        if answer.is_first_blurred:
            return PoseEstimate(TrackingState.INITIALIZING)  # as if nothing were shared: the mapper begins anew here
        if answer.solution is None:
            self.early.note(view, matches)
            return PoseEstimate(TrackingState.INITIALIZING, paired_ids=matches.indices[:, 1])
        solution, T_1_0 = answer.solution, answer.solution.T_1_0.copy()
        T_1_0[:3, 3] /= np.nanmedian(solution.points[:, 2])
        return PoseEstimate(TrackingState.TRACKING, map.poses[first.id] @ se3.inverse(T_1_0))

    def _solve(self, first: Keyframe, view: View, matches: Matches) -> Answer:
        if len(matches) < self.config.min_matches:
            return Answer()
        rows0, rows1 = matches.indices.T
        views = first.view.select(rows0), view.select(rows1)
        min_parallax = np.deg2rad(self.config.min_parallax_deg)
        threshold = self.config.ransac_threshold * max(1.0, pixel_scale(self.camera))
        witnesses = self.early.witnesses(rows0)
        answer = solve_two_view(*views, self.camera, threshold, min_parallax, self.seed, witnesses)
        return answer if answer.solution is None or self._is_sound(answer.solution, *views) else Answer()

    def _is_sound(self, solution: TwoView, view0: View, view1: View) -> bool:
        """Whether a pose explains most matches, places enough of them, and does so better than a turn on the spot."""
        enough = max(self.config.min_matches, self.config.min_inlier_fraction * len(view0.keypoints))
        if solution.num_explained < enough or solution.num_inliers < self.config.min_matches:
            return False
        good = solution.inliers
        keypoints0, keypoints1 = view0.keypoints[good], view1.keypoints[good]
        return gain_over_rotation(keypoints0, keypoints1, solution.T_1_0, solution.points[good], self.camera) > MIN_GAIN
