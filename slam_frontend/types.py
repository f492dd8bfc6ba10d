"""The nouns that travel down the street, one frozen dataclass each.

Conventions: the centre of the first pixel is (0, 0); x right, y down, z forward in a camera;
``T_world_cam @ p_cam == p_world``; metres, seconds, pixels and radians; NaN means unknown.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from slam_frontend.errors import ConfigError

Array: TypeAlias = npt.NDArray[Any]
Norm = Literal["l2", "hamming"]
Reference: TypeAlias = tuple[int, Array]  # keyframe id and T_keyframe_cam, to read a pose again after mapping


class Sensor(StrEnum):
    """What a recording offers beside the grey image."""

    MONO = "mono"
    STEREO = "stereo"
    RGBD = "rgbd"


class TrackingState(StrEnum):
    """Where the tracker stands after a frame."""

    INITIALIZING = "initializing"
    TRACKING = "tracking"
    LOST = "lost"


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with OpenCV's radial-tangential distortion (k1 k2 p1 p2 k3).

    ``baseline`` (metres) is the distance to the right camera of a rectified pair, or the distance
    between projector and sensor of a depth camera, where it decides how depth noise grows.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    baseline: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "distortion", tuple(np.ravel(self.distortion).tolist()))
        if not (self.fx > 0 and self.fy > 0):
            raise ConfigError(f"expected a camera's fx and fy in pixels, above 0; found {self.fx} and {self.fy}")
        if len(self.distortion) not in (0, 4, 5):
            raise ConfigError(
                f"expected a camera's distortion as k1 k2 p1 p2 [k3], found {len(self.distortion)} numbers"
            )

    @classmethod
    def from_K(
        cls, size: tuple[int, int], K: Array, distortion: npt.ArrayLike = (), baseline: float | None = None
    ) -> "Camera":
        """A camera of the given width and height with a (3,3) intrinsic matrix, or a (3,4) projection that has it, and
        distortion of any shape, as OpenCV's calibration gives it."""
        focals_and_centre = float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])
        return cls(*size, *focals_and_centre, distortion, baseline)  # type: ignore[arg-type]  # becomes a tuple

    @property
    def K(self) -> Array:
        """The (3, 3) intrinsic matrix."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Frame:
    """One moment of a recording, as read."""

    index: int
    timestamp: float
    image: Array  # (H,W) uint8 grey
    right: Array | None = None  # (H,W) uint8 grey, rectified with image
    depth: Array | None = None  # (H,W) float32 metres, NaN where unknown, registered to image
    colour: Array | None = None  # (H,W,3) uint8 RGB, for pictures only


@dataclass(frozen=True)
class Features:
    """Keypoints of one image and what they look like."""

    keypoints: Array  # (N,2) float32 x, y
    scores: Array  # (N,) float32, higher is better
    descriptors: Array  # (N,D) float32 unit rows, or (N,B) uint8 bit strings
    norm: Norm
    scales: Array  # (N,) float32, pixels of the full image per pixel of the pyramid level; 1 without a pyramid

    def __len__(self) -> int:
        return len(self.keypoints)

    def select(self, rows: Array) -> "Features":
        """The features of the given rows (indices or mask)."""
        return Features(self.keypoints[rows], self.scores[rows], self.descriptors[rows], self.norm, self.scales[rows])


@dataclass(frozen=True)
class View:
    """What the tracker and the mapper see of a frame."""

    index: int
    timestamp: float
    features: Features
    keypoints: Array  # (N,2) float32, undistorted pixels
    depth: Array  # (N,) float32 metres, NaN where unknown

    def select(self, rows: Array) -> "View":
        """The view with the given rows of its features only."""
        return View(self.index, self.timestamp, self.features.select(rows), self.keypoints[rows], self.depth[rows])


@dataclass(frozen=True)
class Matches:
    """Pairs of rows of two feature sets."""

    indices: Array  # (M,2) int64: row in 0, row in 1
    distances: Array  # (M,) float32, lower is better

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class PoseEstimate:
    """Where the camera is, and which keypoint saw which landmark; no pose unless TRACKING.

    While INITIALIZING there are no landmarks yet; ``paired_ids`` are the keypoints matched with the first keyframe.
    """

    state: TrackingState
    T_world_cam: Array | None = None  # (4,4) float64
    keypoint_ids: Array = field(default_factory=lambda: np.empty(0, np.int64))  # (M,) rows of the view
    landmark_ids: Array = field(default_factory=lambda: np.empty(0, np.int64))  # (M,) stable ids of the map
    expected_ids: Array = field(default_factory=lambda: np.empty(0, np.int64))  # landmarks that should be in sight
    segment: int = 0  # counts the maps that monocular tracking had to start anew
    paired_ids: Array = field(default_factory=lambda: np.empty(0, np.int64))  # (P,) rows of the view


@dataclass(frozen=True)
class Keyframe:
    """A view kept in the map; its pose and its associations live there, under its id."""

    id: int
    view: View


@dataclass(frozen=True)
class FrameResult:
    """All that came out of one frame."""

    view: View
    estimate: PoseEstimate
    keyframe: Keyframe | None
    reference: Reference | None = None
    earlier: tuple["FrameResult", ...] = ()  # of views before it, anew: the map's first landmarks located them too
