"""A video file, or a live camera by its number, with a camera YAML."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
COUNTING = {".mp4", ".mov", ".m4v", ".avi"}  # whose headers count frames; the others state a duration at most
MAX_MISSING = 1.0  # seconds: a header's may be those of a longer sound
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
        self.stated_fps = calibration.fps
        self.capture = self._open()
        self.clock_offset = time.time() - time.monotonic()
        require_size(self.camera, frame_size(self.capture), path)
        self.num_frames = 0 if self.is_live else _count_frames(self.capture, path)
        self._begin()
        self.truth: Trajectory | None = None

    def _open(self) -> cv2.VideoCapture:
        with _silence():
            capture = cv2.VideoCapture(int(str(self.path)) if self.is_live else str(self.path))
        if capture.isOpened():
            return capture
        if self.is_live:
            raise SequenceError(f"{self.name}: doesn't answer; is one connected, free, and may you read it?")
        raise SequenceError(f"{self.path}: can't be opened as a video; expected a video file or a camera's number")

    def _begin(self) -> None:
        self.position = 0
        self.latest = -1.0  # of the moments that have risen so far; without any, OpenCV says 0 or -1e20
        self.moments = _grab_frames(self.capture, self.num_frames, self.path)

    def __len__(self) -> int:
        return self.num_frames

    def read(self, position: int) -> Frame | None:
        if self.is_live:
            self.position = min(self.position, position)
        elif position < self.position:
            self.capture = self._open()  # seeking is inexact in many containers, so a second pass starts over
            self._begin()
        for moment in self.moments:
            self.position += 1
            if self.position > position:
                return self._retrieve(position, moment)
        return None

    def _retrieve(self, position: int, moment: float | None) -> Frame:
        picture: Array | None = None if moment is None else self.capture.retrieve()[1]
        if moment is None or picture is None:
            raise SequenceError(f"{self.path}: frame {position} can't be decoded")
        timestamp = self._now() if self.is_live else self._date(position, moment)
        return Frame(position, timestamp, _grey(picture), colour=_rgb(picture) if self.colour else None)

    def _now(self) -> float:
        """The time of day by a clock that nobody sets back."""
        return self.clock_offset + time.monotonic()

    def _date(self, position: int, moment: float) -> float:
        """The container's ``moment`` of a frame, unless that doesn't rise or the calibration states fps."""
        if self.stated_fps is not None:
            return position / self.stated_fps
        if moment <= self.latest:
            fps = _nominal_fps(self.capture)
            moment = max(position / fps, self.latest + 1 / fps)
        self.latest = moment
        return moment


@contextmanager
def _silence() -> Iterator[None]:
    """What can't be opened is told in a sentence of ours."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def frame_size(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Width and height of a video's frames."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


def _is_live(path: Path) -> bool:
    return str(path).isdecimal() and not path.exists()


def _nominal_fps(capture: cv2.VideoCapture) -> float:
    return capture.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS


def _count_frames(capture: cv2.VideoCapture, path: Path) -> int:
    """As the header counts them, or the packets of the file, one a frame, where it doesn't; 0 if nobody knows."""
    stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if path.suffix.lower() in COUNTING and stated > 0:
        return stated
    # Without decoding: 1000 frames of 1920x1080 take 40 ms instead of 3 s.
    packets = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    count, damaged, last = 0, 0, 0.0
    while damaged <= MAX_DAMAGED:
        if packets.grab():
            count, damaged = count + damaged + 1, 0
            last = max(last, packets.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        else:
            damaged += 1
    duration = stated / _nominal_fps(capture)  # how OpenCV has guessed
    if 0 < last < duration - MAX_MISSING:
        logger.warning("%s: ends after %.1f of %.1f seconds; was it cut short?", path, last, duration)
    return count


def _grab_frames(capture: cv2.VideoCapture, count: int, path: Path) -> Iterator[float | None]:
    """The seconds at which the container has each of the next frames, None where one couldn't be decoded; ``count`` is
    how many there should be, 0 if nobody knows.

    OpenCV fails at a damaged frame as it does at the end: only what comes after tells one from the other.
    """
    passed = 0
    while True:
        damaged = 0
        while not capture.grab():
            damaged += 1
            if passed + damaged >= count or damaged > MAX_DAMAGED:
                if passed < count and path.suffix.lower() in COUNTING:
                    logger.warning("%s: ends after %d of %d frames", path, passed, count)
                return
        yield from [None] * damaged
        yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        passed += damaged + 1


def _grey(picture: Array) -> Array:
    grey: Array = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return grey


def _rgb(picture: Array) -> Array:
    colour: Array = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB)
    return colour
