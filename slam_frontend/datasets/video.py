"""A video file, or a live camera by its number, with a camera YAML."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from slam_frontend.datasets.base import SensorChoice, choose_sensor
from slam_frontend.datasets.calibration import Calibration, require_calibration, require_size
from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Frame, Sensor

logger = logging.getLogger(__name__)

SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mjpeg", ".wmv"}
DEFAULT_FPS = 30.0
MAX_DAMAGED = 300  # frames in a row that can't be decoded, after which nothing more is expected


class VideoReader:
    """The frames of a video; ``camera.yaml`` lies beside it, or in the working folder for a live camera."""

    layout = "a video file or a camera number, with a camera.yaml beside it"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return _is_live(path) or (path.suffix.lower() in SUFFIXES and path.is_file())

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        self.name = f"camera {path}" if _is_live(path) else path.stem
        self.path, self.colour = path, colour
        self.sensor = choose_sensor(sensor, Sensor.MONO, path)
        calibration = require_calibration(path.parent, calibration)
        self.camera = calibration.camera
        self.is_live = _is_live(path)
        self.position = 0
        self._open()
        require_size(self.camera, frame_size(self.capture), path)
        self.fps = calibration.fps or self.capture.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS
        self.truth: Trajectory | None = None

    def __len__(self) -> int:
        return 0 if self.is_live else max(0, int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read(self, position: int) -> Frame | None:
        if self.is_live:
            self.position = min(self.position, position)
        elif position < self.position:
            self._open()  # seeking is inexact in many containers, so a second pass starts over
        for is_decoded in self.frames:
            self.position += 1
            if self.position > position:
                return self._retrieve(position, is_decoded)
        return None

    def _retrieve(self, position: int, is_decoded: bool) -> Frame:
        picture: Array | None = self.capture.retrieve()[1] if is_decoded else None
        if picture is None:
            raise SequenceError(f"{self.path}: frame {position} can't be decoded")
        timestamp = time.time() if self.is_live else position / self.fps
        return Frame(position, timestamp, _grey(picture), colour=_rgb(picture) if self.colour else None)

    def _open(self) -> None:
        self.position = 0
        self.capture = cv2.VideoCapture(int(str(self.path)) if self.is_live else str(self.path))
        if not self.capture.isOpened():
            raise SequenceError(f"{self.path}: can't be opened as a video; expected a video file or a camera's number")
        self.frames = _grab_frames(self.capture, len(self), self.path)


def frame_size(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Width and height of a video's frames."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


def _is_live(path: Path) -> bool:
    return str(path).isdecimal() and not path.exists()


def _grab_frames(capture: cv2.VideoCapture, count: int, path: Path) -> Iterator[bool]:
    """Whether each of the next frames could be decoded; ``count`` is what the header says, 0 if it doesn't.

    OpenCV fails at a damaged frame as it does at the end: only what comes after tells one from the other.
    """
    passed = 0
    while True:
        damaged = 0
        while not capture.grab():
            damaged += 1
            if passed + damaged >= count or damaged > MAX_DAMAGED:
                if passed < count:
                    logger.warning("%s: ends after %d of %d frames", path, passed, count)
                return
        yield from [False] * damaged
        yield True
        passed += damaged + 1


def _grey(picture: Array) -> Array:
    grey: Array = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return grey


def _rgb(picture: Array) -> Array:
    colour: Array = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB)
    return colour
