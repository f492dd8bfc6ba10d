"""A world of points seen by a known camera, and an extractor that knows which point is where."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from slam_frontend.config import RunConfig
from slam_frontend.frontend import Frontend
from slam_frontend.geometry.absolute_pose import Pose, refine_pose
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Camera, Features, Frame, Norm, Sensor, View

CAMERA = Camera(width=320, height=240, fx=260.0, fy=260.0, cx=159.5, cy=119.5, baseline=0.1)
NO_FRAME = -1


def curved_path(count: int, step: float = 0.03) -> Array:
    """(N,4,4) T_world_cam of a camera that walks along a gentle curve and looks about."""
    t = np.arange(count) * step
    centres = np.stack([np.sin(t), 0.2 * (np.cos(t) - 1), 0.5 * (1 - np.cos(t))], axis=1)
    return path_along(centres, np.stack([0.05 * np.sin(2 * t), -0.3 * np.sin(t), 0.05 * np.sin(t)], axis=1))


def path_along(centres: Array, turns: Array) -> Array:
    """(N,4,4) T_world_cam at (N,3) centres, turned by (N,3) rotation vectors."""
    T_world_cam = np.tile(np.eye(4), (len(centres), 1, 1))
    T_world_cam[:, :3, 3], T_world_cam[:, :3, :3] = centres, Rotation.from_rotvec(turns).as_matrix()
    return T_world_cam


def distorted(pixels: Array, camera: Camera) -> Array:
    """(N,2): where a camera's lens, of k1 and k2, shows ideal pixels."""
    centre, focal = [camera.cx, camera.cy], [camera.fx, camera.fy]
    rays = (pixels - centre) / focal
    squared = (rays**2).sum(axis=1, keepdims=True)
    k1, k2 = camera.distortion[:2]
    return np.asarray(rays * (1 + k1 * squared + k2 * squared**2) * focal + centre)


@dataclass
class SyntheticWorld:
    """Landmarks in front of the camera's path; frames carry their number in their first pixels."""

    T_world_cam: Array = field(default_factory=lambda: curved_path(60))  # (N,4,4)
    camera: Camera = CAMERA
    num_landmarks: int = 400
    noise: float = 0.3  # pixels
    outliers: float = 0.05  # keypoints that no landmark made
    seed: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        low, high = np.array([-4.0, -2.5, 3.0]), np.array([4.0, 2.5, 6.0])
        self.landmarks = rng.uniform(low, high, (self.num_landmarks, 3))
        descriptors = rng.normal(size=(self.num_landmarks, 64)).astype(np.float32)
        self.descriptors = descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)

    def __len__(self) -> int:
        return len(self.T_world_cam)

    @property
    def timestamps(self) -> Array:
        return 100.0 + np.arange(len(self)) / 30

    @property
    def truth(self) -> Trajectory:
        return Trajectory(self.timestamps, self.T_world_cam)

    def project(self, index: int) -> tuple[Array, Array, Array]:
        """Landmark ids, (M,2) exact pixels and (M,) depths of what frame ``index`` sees."""
        T_cam_world = np.linalg.inv(self.T_world_cam[index])
        points = self.landmarks @ T_cam_world[:3, :3].T + T_cam_world[:3, 3]
        pixels = points[:, :2] / points[:, 2:] * [self.camera.fx, self.camera.fy] + [self.camera.cx, self.camera.cy]
        size = np.array([self.camera.width, self.camera.height])
        ids = np.flatnonzero((points[:, 2] > 0.1) & (pixels > 4).all(axis=1) & (pixels < size - 5).all(axis=1))
        return ids, pixels[ids], points[ids, 2]

    def frame(self, index: int, rgbd: bool = True) -> Frame:
        """What the camera sees; the depth image knows the landmarks' surroundings alone."""
        image = np.full((self.camera.height, self.camera.width), 128, np.uint8)
        image[0, :4] = np.frombuffer(np.int32(index).tobytes(), np.uint8)
        return Frame(index, float(self.timestamps[index]), image, depth=self._depth(index) if rgbd else None)

    def _depth(self, index: int) -> Array:
        depth = np.full((self.camera.height, self.camera.width), np.nan, np.float32)
        _, pixels, depths = self.project(index)
        x, y = np.round(pixels).astype(int).T
        for dx in (-2, -1, 0, 1, 2):
            for dy in (-2, -1, 0, 1, 2):
                depth[y + dy, x + dx] = depths
        return depth


class FakeExtractor:
    """Finds the landmarks of a synthetic world where they are, up to noise, and some corners that are none."""

    name = "fake"
    norm: Norm = "l2"

    def __init__(self, world: SyntheticWorld) -> None:
        self.world = world

    def extract(self, image: Array) -> Features:
        index = int(np.frombuffer(image[0, :4].tobytes(), np.int32)[0])
        if not 0 <= index < len(self.world):  # a black, white or blurred image
            return self._features(np.empty((0, 2)), np.empty((0, 64)))
        rng = np.random.default_rng([self.world.seed, index])
        ids, pixels, _ = self.world.project(index)
        pixels = pixels + rng.normal(0, self.world.noise, pixels.shape)
        descriptors = self.world.descriptors[ids] + rng.normal(0, 0.03, (len(ids), 64))
        extra = int(self.world.outliers * len(ids))
        size = [self.world.camera.width - 1, self.world.camera.height - 1]
        pixels = np.concatenate([pixels, rng.uniform(0, size, (extra, 2))])
        return self._features(pixels, np.concatenate([descriptors, rng.normal(size=(extra, 64))]))

    @staticmethod
    def _features(pixels: Array, descriptors: Array) -> Features:
        unit = descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)
        ones = np.ones(len(pixels), np.float32)
        return Features(pixels.astype(np.float32), ones, unit.astype(np.float32), "l2", ones)


def frontend_in(world: SyntheticWorld, sensor: Sensor) -> Frontend:
    """A frontend with the default settings whose extractor finds the landmarks of a world."""
    frontend = Frontend.from_config(RunConfig(), world.camera, sensor)
    frontend.extractor = FakeExtractor(world)
    return frontend


def refine_for(num_inliers: int) -> Callable[..., Pose | None]:
    """A refinement of poses in which no more of the points agree."""

    def refine(*arguments: Any) -> Pose | None:
        pose = refine_pose(*arguments)
        return pose and Pose(pose.T_cam_world, pose.inliers & (np.cumsum(pose.inliers) <= num_inliers))

    return refine


def view_of(world: SyntheticWorld, index: int, depth: Array | None = None) -> View:
    """What the extractor finds in a frame; (N,) depths, unknown where none are given."""
    features = FakeExtractor(world).extract(world.frame(index).image)
    unknown = np.full(len(features), np.nan, np.float32)
    timestamp = float(world.timestamps[index])
    return View(index, timestamp, features, features.keypoints, unknown if depth is None else depth)


class SyntheticSequence:
    """A synthetic world as a recording; frames in ``blackout`` are black."""

    def __init__(self, world: SyntheticWorld, sensor: Sensor = Sensor.RGBD, blackout: range = range(0)) -> None:
        self.name, self.sensor, self.camera = "synthetic", sensor, world.camera
        self.world, self.blackout = world, blackout
        self.truth: Trajectory | None = world.truth
        self.skipped: list[str] = []

    def __len__(self) -> int:
        return len(self.world)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(len(self.world)):
            frame = self.world.frame(index, rgbd=self.sensor is Sensor.RGBD)
            if index in self.blackout:
                frame.image[:] = 0
                frame.image[0, :4] = np.frombuffer(np.int32(NO_FRAME).tobytes(), np.uint8)
            yield frame
