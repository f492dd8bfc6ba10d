"""The depth of keypoints: all that a sensor decides."""

from typing import Protocol

import numpy as np

from slam_frontend.config import DepthConfig
from slam_frontend.errors import ConfigError
from slam_frontend.geometry.reprojection import coarseness
from slam_frontend.geometry.stereo import match_rows
from slam_frontend.types import Array, Camera, Features, Frame, Sensor

MAX_DEPTH_SPREAD = 0.04  # of the depth; more between neighbouring pixels is an edge


class DepthSource(Protocol):
    """Knows how far keypoints are."""

    def measure(self, frame: Frame, features: Features) -> Array:
        """(N,) float32 metres along z, NaN where unknown."""
        ...


class NoDepth:
    """One camera alone."""

    def measure(self, frame: Frame, features: Features) -> Array:
        """All unknown."""
        return np.full(len(features), np.nan, np.float32)


class RgbdDepth:
    """A depth image registered to the grey one."""

    def __init__(self, config: DepthConfig) -> None:
        self.config = config

    def measure(self, frame: Frame, features: Features) -> Array:
        """The depth image around each keypoint, unknown at edges and outside the sensor's range."""
        if frame.depth is None:
            return np.full(len(features), np.nan, np.float32)
        depth = _interpolate(frame.depth, features.keypoints)
        with np.errstate(invalid="ignore"):
            depth[(depth < self.config.min_depth) | (depth > self.config.max_depth)] = np.nan
        return depth


class StereoDepth:
    """A rectified pair, searched along rows from the left keypoints."""

    def __init__(self, config: DepthConfig, camera: Camera) -> None:
        if camera.baseline is None:
            raise ConfigError(
                "stereo needs the distance of both cameras, found a camera without one; give its baseline"
            )
        self.limits = np.array([config.min_disparity, config.max_disparity]) * coarseness(camera)  # pixels
        self.bf = camera.fx * camera.baseline  # pixels * metres

    def measure(self, frame: Frame, features: Features) -> Array:
        """Depth from disparity, unknown where the right image shows no clear match."""
        if frame.right is None:
            return np.full(len(features), np.nan, np.float32)
        disparity = match_rows(frame.image, frame.right, features.keypoints, *self.limits)
        return (self.bf / disparity).astype(np.float32)


def create_depth_source(sensor: Sensor, config: DepthConfig, camera: Camera) -> DepthSource:
    """The depth source of a sensor; ConfigError for a stereo camera without baseline."""
    if sensor is Sensor.RGBD:
        return RgbdDepth(config)
    if sensor is Sensor.STEREO:
        return StereoDepth(config, camera)
    return NoDepth()


def _interpolate(depth: Array, keypoints: Array) -> Array:
    """Bilinear depth at keypoints; NaN where one of the four pixels is unknown or they span an edge."""
    height, width = depth.shape
    x = np.clip(keypoints[:, 0], 0, width - 1.001)
    y = np.clip(keypoints[:, 1], 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = x - left, y - top
    corners = np.stack([depth[top + dy, left + dx] for dy in (0, 1) for dx in (0, 1)])  # (4,N)
    weights = np.stack([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx])
    with np.errstate(invalid="ignore"):
        value = (corners * weights).sum(axis=0)
        edge = corners.max(axis=0) - corners.min(axis=0) > MAX_DEPTH_SPREAD * value
    return np.where(edge, np.nan, value).astype(np.float32)
