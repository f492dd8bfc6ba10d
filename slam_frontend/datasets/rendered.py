"""A hand-held walk through a painted room, rendered with its exact depth and poses."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from pydantic import Field

from slam_frontend.config import Section
from slam_frontend.datasets.scene import Scene, colours, furnish, look
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Camera, Frame, Sensor

SAMPLES = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))  # rays of a pixel, on a rotated grid
FOCAL_PER_WIDTH = 0.82  # a field of view of 63 degrees, like a depth camera's


class RenderConfig(Section):
    """What is recorded, and how hard it is made."""

    sensor: Sensor = Sensor.RGBD
    num_frames: int = Field(default=100, ge=1)
    width: int = Field(default=320, ge=32)
    height: int = Field(default=240, ge=24)
    fps: float = Field(default=30.0, gt=0)
    baseline: float = Field(default=0.075, gt=0)  # metres, of the stereo pair or the depth camera
    look_around: bool = False  # turn once wholly about the vertical
    poor_walls: bool = False
    exposure: float = Field(default=0.0, ge=0, le=1)  # fraction of the frame's time that motion blurs
    lighting: float = Field(default=0.0, ge=0, le=0.9)  # how far the brightness swings
    image_noise: float = Field(default=1.0, ge=0)  # standard deviation in grey levels
    depth_noise: float = Field(default=0.0, ge=0)  # standard deviation in pixels of disparity: grows with depth squared
    seed: int = 0


class RenderedSequence:
    """A Sequence that is rendered while it is read; every frame is the same each time."""

    def __init__(self, config: RenderConfig | None = None) -> None:
        self.config = config or RenderConfig()
        self.name = f"rendered-{self.config.seed}"
        self.sensor = self.config.sensor
        self.camera = _camera(self.config)
        self.skipped: list[str] = []
        density = min(1.0, self.config.width / 640) * 400  # texels a metre: about one a pixel at two metres
        self.scene: Scene = furnish(density, self.config.poor_walls, np.random.default_rng(self.config.seed))
        moments = np.arange(self.config.num_frames, dtype=np.float64)
        self.truth: Trajectory | None = Trajectory(
            moments / self.config.fps, np.stack([self.pose(moment) for moment in moments])
        )

    def __len__(self) -> int:
        return self.config.num_frames

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        """The frame of an index, in any order."""
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        rng = np.random.default_rng((self.config.seed, index))
        colour = self._expose(index, 0.0, rng)
        frame = Frame(index, index / self.config.fps, cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), colour=colour)
        if self.sensor == Sensor.STEREO:
            right = self._expose(index, self.config.baseline, rng)
            return replace(frame, right=cv2.cvtColor(right, cv2.COLOR_RGB2GRAY))
        return replace(frame, depth=self.depth(index, rng)) if self.sensor == Sensor.RGBD else frame

    def pose(self, moment: float) -> Array:
        """T_world_cam at a time in frames; the last frame's pose is the first one's again."""
        turn = 2 * np.pi * moment / max(1, self.config.num_frames - 1)
        return _hand_held_pose(turn, max(1, round(self.config.num_frames / 120)), self.config.look_around)

    def depth(self, index: int, rng: np.random.Generator | None = None) -> Array:
        """(H,W) float32 metres along the optical axis; exact without an rng."""
        inverse = look(self.scene, self.camera, self.pose(index)).inverse_depth
        if rng is not None and self.config.depth_noise:
            sigma = self.config.depth_noise / (self.camera.fx * self.config.baseline)
            inverse = inverse + rng.normal(0, sigma, inverse.shape).astype(np.float32)
        with np.errstate(divide="ignore"):
            depth: Array = np.where(inverse > 0, 1 / inverse, np.nan).astype(np.float32)
        return depth

    def _expose(self, index: int, right: float, rng: np.random.Generator) -> Array:
        """(H,W,3) uint8 RGB from the camera, moved ``right`` by so many metres."""
        rays = SAMPLES * 2 if self.config.exposure else SAMPLES
        total = np.zeros((self.camera.height, self.camera.width, 3), np.float32)
        for row, shift in enumerate(rays):
            T_world_cam = self.pose(index + self.config.exposure * ((row + 0.5) / len(rays) - 0.5))
            T_world_cam[:3, 3] += right * T_world_cam[:3, 0]
            # Four rays share a pixel, so each needs half its width; the shift dithers between the levels.
            cv2.accumulate(
                colours(self.scene, look(self.scene, self.camera, T_world_cam, shift), shift[0] - 0.5), total
            )
        brightness = 1 + self.config.lighting * np.sin(2 * np.pi * index / 50)
        noise = rng.normal(0, self.config.image_noise, total.shape[:2]).astype(np.float32)[..., None]
        exposed: Array = np.clip(total * (brightness / len(rays)) + noise + 0.5, 0, 255).astype(np.uint8)
        return exposed


def _camera(config: RenderConfig) -> Camera:
    focal = FOCAL_PER_WIDTH * config.width
    baseline = None if config.sensor == Sensor.MONO else config.baseline
    centre = (config.width - 1) / 2, (config.height - 1) / 2
    return Camera(config.width, config.height, focal, focal, *centre, baseline=baseline)


def _hand_held_pose(turn: float, rounds: int, look_around: bool) -> Array:
    """Ellipses about the middle of the room, looking at the table, with a little shaking of the hand."""
    around = turn * rounds
    position = np.array([2.45 + 0.65 * np.sin(around), 1.35 - 0.4 * np.cos(around), 1.35 + 0.12 * np.sin(2 * around)])
    position += 0.008 * np.sin(np.array([7.0, 9.0, 8.0]) * around + [0.3, 1.7, 4.0])
    yaw = 0.32 * np.sin(around + 2.6) + 0.02 * np.sin(6 * around) + turn * look_around
    pitch = 0.27 + 0.1 * np.sin(around + 0.8) + 0.012 * np.sin(8 * around)
    roll = 0.06 * np.sin(2 * around + 1.0)
    T_world_cam = np.eye(4)
    T_world_cam[:3, :3] = _level_rotation(yaw, pitch) @ cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
    T_world_cam[:3, 3] = position
    return T_world_cam


def _level_rotation(yaw: float, pitch: float) -> Array:
    """Camera axes in the world: yaw 0 looks along y and turns left, pitch looks down."""
    forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
    right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    return np.stack([right, np.cross(forward, right), forward], axis=1)
