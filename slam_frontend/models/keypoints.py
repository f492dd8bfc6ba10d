"""Which keypoints are wanted of an image, and those that were found."""

from typing import NamedTuple

from slam_frontend.types import Array


class WantedKeypoints(NamedTuple):
    """What a keypoint must be."""

    at_most: int  # the best of them
    threshold: float  # the least score
    nms_radius: int  # pixels to a better one
    border: int  # pixels to the image's border
    sharpen: bool  # placed by the image's structure


class FoundKeypoints(NamedTuple):
    """Keypoints of an image, best first."""

    positions: Array  # (N,2) float32 x, y
    scores: Array  # (N,)
    descriptors: Array  # (N,D) float32, unit rows
