"""A folder of images with a camera YAML."""

from pathlib import Path

from slam_frontend.datasets.base import SensorChoice, choose_sensor
from slam_frontend.datasets.calibration import Calibration, require_calibration, require_size
from slam_frontend.datasets.pictures import first_size, list_pictures, read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Frame, Sensor

DEFAULT_FPS = 30.0


class ImageReader:
    """The images of a folder in the order of their names, evenly spaced in time."""

    layout = "image files with a camera.yaml"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return bool(list_pictures(path))

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        self.name = path.absolute().name
        self.images, self.colour = list_pictures(path), colour
        if not self.images:
            raise SequenceError(f"{path}: holds no images")
        self.sensor = choose_sensor(sensor, Sensor.MONO, path)
        calibration = require_calibration(path, calibration)
        self.camera = calibration.camera
        self.fps = calibration.fps or DEFAULT_FPS
        require_size(self.camera, first_size(self.images), path)
        self.truth: Trajectory | None = None

    def __len__(self) -> int:
        return len(self.images)

    def read(self, position: int) -> Frame | None:
        image, colour = read_picture(self.images[position], self.colour)
        return Frame(position, position / self.fps, image, colour=colour)
