"""The whole algorithm, in reading order."""

import numpy as np

from slam_frontend.clock import StageClock
from slam_frontend.config import RunConfig, parse_sensor
from slam_frontend.datasets import require_frame
from slam_frontend.features import Extractor, create_extractor, extract_at_most
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import undistort, undistort_view
from slam_frontend.mapping import LandmarkSearch, LocalMap, Mapper
from slam_frontend.matching import create_matcher
from slam_frontend.tracking import DepthSource, EarlyViews, Initializer, Tracker, create_depth_source
from slam_frontend.types import Camera, Frame, FrameResult, Keyframe, PoseEstimate, Reference, Sensor, View


class Frontend:
    """Takes frames one after the other; each comes back with the camera's pose in the world of the first.

    Detector, descriptor, tracking and mapping follow DeTone 2018 and Mur-Artal 2015.
    """

    def __init__(
        self,
        camera: Camera,
        extractor: Extractor,
        depth_source: DepthSource,
        tracker: Tracker,
        mapper: Mapper,
        max_size: int | None = None,
    ) -> None:
        """Features are found in images shrunk to ``max_size`` pixels on the longer side, if they are larger."""
        self._camera = camera
        self.max_size = max_size
        self.extractor = extractor
        self.depth_source = depth_source
        self.tracker = tracker
        self.mapper = mapper
        self.map = LocalMap()
        self.clock = StageClock()

    @classmethod
    def from_config(cls, config: RunConfig, camera: Camera, sensor: Sensor | str) -> "Frontend":
        """A frontend wired up for a camera and what its recording offers; ConfigError for settings or a sensor that
        don't exist."""
        sensor = parse_sensor(sensor)
        extractor = create_extractor(config.extractor.for_tracking())
        matcher = create_matcher(config.matcher)
        search = LandmarkSearch(config.matcher)
        awaits_depth = sensor is not Sensor.MONO
        early = EarlyViews(camera, config.tracker)
        initializer = Initializer(camera, config.initializer, matcher, early, config.tracker.seed, awaits_depth)
        tracker = Tracker(camera, config.tracker, search, matcher, initializer)
        limits = config.initializer.min_matches, config.tracker.patience
        mapper = Mapper(camera, config.mapper, matcher, search, *limits, is_mono=not awaits_depth)
        depth_source = create_depth_source(sensor, config.depth, camera)
        return cls(camera, extractor, depth_source, tracker, mapper, config.max_size)

    @property
    def camera(self) -> Camera:
        """As it was given, with the distortion that was found in its images if any was."""
        return self.map.seen_through(self._camera)

    def process(self, frame: Frame) -> FrameResult:
        """Everything that one frame leads to."""
        return self.follow(self.see(frame))

    def see(self, frame: Frame) -> View:
        """What a frame shows; it depends on no other frame, so that it may run ahead in another thread. SequenceError
        for a frame that isn't the camera's."""
        require_frame(frame, self._camera)
        with self.clock.stage("extract"):
            features = extract_at_most(self.extractor, frame.image, self.max_size, scaled=False)
        with self.clock.stage("depth"):
            depth = self.depth_source.measure(frame, features)
            keypoints = undistort(features.keypoints, self._camera)
        return View(frame.index, frame.timestamp, features, keypoints, depth)

    def follow(self, view: View) -> FrameResult:
        """Where the camera is, and what the map learns from it; views come in order."""
        with self.clock.stage("track"):
            if self.map.distortion:  # found since the camera was given, and maybe since the view was seen
                view = undistort_view(view, self.camera)
            estimate = self.tracker.locate(view, self.map)
        with self.clock.stage("map"):
            keyframe = self.mapper.update(view, estimate, self.map)
            reference = self._reference(estimate, keyframe)  # before what the estimate was made from moves
            earlier = self.tracker.look_back(self.map)
            self.mapper.advance(self.map)
        return FrameResult(view, estimate, keyframe, reference, earlier)

    def finish(self) -> None:
        """Bring the map up to date after the last frame."""
        self.mapper.finish(self.map)

    def _reference(self, estimate: PoseEstimate, keyframe: Keyframe | None) -> Reference | None:
        latest = self.map.latest()
        if estimate.T_world_cam is None or latest is None:
            return None
        if keyframe is not None:
            return keyframe.id, np.eye(4)
        return latest.id, se3.inverse(self.map.poses[latest.id]) @ estimate.T_world_cam
