"""EuRoC and others in the ASL layout: cam0 and cam1 with their sensor.yaml, truth of the body."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from slam_frontend.config import Section
from slam_frontend.datasets.base import SensorChoice, choose_sensor, read_truth, require_partners
from slam_frontend.datasets.calibration import Calibration, load_camera_file, parse_camera_settings, require_size
from slam_frontend.datasets.pictures import first_size, read_picture, read_right
from slam_frontend.datasets.rectification import Lens, Rectifier, rectify_pair, straighten
from slam_frontend.errors import SequenceError
from slam_frontend.geometry import se3
from slam_frontend.trajectory import Trajectory, associate, read_euroc, read_T_body_cam
from slam_frontend.types import Array, Camera, Frame, Sensor

logger = logging.getLogger(__name__)

MAX_TIME_DIFFERENCE = 0.005  # between left and right
MODELS = {"radial-tangential": False, "radtan": False, "plumb_bob": False, "equidistant": True}
NUM_FISHEYE = 4  # coefficients
TRUTHS = ("state_groundtruth_estimate0", "mocap0")


class EurocReader:
    """A folder with mav0/cam0 (and mav0/cam1), or mav0 itself."""

    layout = "mav0/cam0"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return (_root(path) / "cam0").is_dir()

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        if calibration is not None:
            raise SequenceError(
                f"{path}: a EuRoC recording is rectified with its own sensor.yaml files; leave --camera out"
            )
        root = _root(path)
        self.name = path.absolute().name
        self.colour = colour
        richest = Sensor.STEREO if (root / "cam1").is_dir() else Sensor.MONO
        self.sensor = choose_sensor(sensor, richest, path)
        self.left = _read_eye(root / "cam0")
        self.rights: dict[int, Path] = {}
        self.rectifiers: tuple[Rectifier | None, Rectifier | None] = (None, None)
        self.camera, T_body_cam = self._calibrate(root)
        self.truth = _read_truth(root, T_body_cam)

    def _calibrate(self, root: Path) -> tuple[Camera, Array]:
        """The camera of the frames that ``read`` gives back, and where it sits on the body."""
        left = self.left
        if self.sensor == Sensor.STEREO:
            right = _read_eye(root / "cam1")
            pairs = associate(left.times, right.times, MAX_TIME_DIFFERENCE)
            within = f"right image within {1000 * MAX_TIME_DIFFERENCE:.0f} ms"
            require_partners(root, within, len(pairs), len(left.times), "are cam0 and cam1 on one clock?")
            self.rights = {int(row): right.images[right_row] for row, right_row in pairs}
            self.rectifiers = _rectify(root, left, right)
        elif left.lens.is_fisheye:
            self.rectifiers = (straighten(left.lens), None)
        if self.rectifiers[0] is None:
            return _distorted_camera(left.lens), left.T_body_lens
        return self.rectifiers[0].camera, left.T_body_lens @ self.rectifiers[0].T_lens_camera

    def __len__(self) -> int:
        return len(self.left.images)

    def read(self, position: int) -> Frame | None:
        image, colour = read_picture(self.left.images[position], self.colour)
        right = read_right(self.rights.get(position)) if self.sensor == Sensor.STEREO else None
        rectify_left, rectify_right = self.rectifiers
        if rectify_left is not None and image.shape[1::-1] == self.left.lens.size:
            image, colour = rectify_left(image), None if colour is None else rectify_left(colour)
        if rectify_right is not None and right is not None:
            right = rectify_right(right)
        return Frame(position, float(self.left.times[position]), image, right=right, colour=colour)


@dataclass(frozen=True)
class Eye:
    """One camera of the rig and its images."""

    lens: Lens
    T_body_lens: Array
    times: Array  # (N,) float64
    images: list[Path]


class SensorFile(Section, extra="ignore"):
    """What matters of a camera's sensor.yaml besides T_BS."""

    resolution: tuple[int, int]
    intrinsics: tuple[float, float, float, float]  # fx fy cx cy
    distortion_model: str
    distortion_coefficients: list[float] = Field(min_length=4, max_length=5)


def _root(path: Path) -> Path:
    return path / "mav0" if (path / "mav0").is_dir() else path


def _rectify(root: Path, left: Eye, right: Eye) -> tuple[Rectifier, Rectifier]:
    T_right_left = se3.inverse(right.T_body_lens) @ left.T_body_lens
    baseline = 0.0
    if T_right_left[:3, 3].any():  # OpenCV divides by the distance
        rectifiers = rectify_pair(left.lens, right.lens, T_right_left)
        baseline = rectifiers[0].camera.baseline or 0.0
        if baseline > 0:
            return rectifiers
    raise SequenceError(
        f"{root}: by T_BS in their sensor.yaml, cam1 stands {baseline:.3f} m to the right of cam0, "
        "expected more than 0; are the two swapped or the same? --sensor mono does without"
    )


def _read_eye(folder: Path) -> Eye:
    sensor_file = folder / "sensor.yaml"
    lens = _read_lens(sensor_file)
    times, images = _read_list(folder)
    remedy = f"put the right resolution and intrinsics into {sensor_file}"
    require_size(_distorted_camera(lens), first_size(images), folder, remedy)
    return Eye(lens, read_T_body_cam(sensor_file), times, images)


def _read_lens(sensor_file: Path) -> Lens:
    settings = load_camera_file(SensorFile, sensor_file)
    model = settings.distortion_model
    if model not in MODELS:
        raise SequenceError(f"{sensor_file}: distortion_model {model} is unknown; known: {', '.join(MODELS)}")
    is_fisheye = MODELS[model]
    coefficients = np.array(settings.distortion_coefficients)
    if is_fisheye and len(coefficients) != NUM_FISHEYE:
        raise SequenceError(
            f"{sensor_file}: distortion_coefficients has {len(coefficients)} numbers, but {model} takes "
            f"{NUM_FISHEYE}, k1 to k4; is it the lens's model?"
        )
    named = zip(("width", "height", "fx", "fy", "cx", "cy"), (*settings.resolution, *settings.intrinsics), strict=True)
    calibration = parse_camera_settings(Calibration, dict(named), sensor_file)
    return Lens(settings.resolution, calibration.camera.K, coefficients, is_fisheye)


def _read_list(folder: Path) -> tuple[Array, list[Path]]:
    """Times in seconds and images of data.csv, in the order of the times."""
    path = folder / "data.csv"
    try:
        rows = [line.split(",") for line in path.read_text("utf-8-sig").splitlines() if line.strip() and line[0] != "#"]
        times = np.array([int(row[0]) / 1e9 for row in rows])
        images = [folder / "data" / row[1].strip() for row in rows]
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror}); it lists timestamps and images") from error
    except (ValueError, IndexError) as error:
        raise SequenceError(f"{path}: expected lines of 'nanoseconds,filename' ({error})") from error
    if not images:
        raise SequenceError(f"{path}: lists no images; expected lines of 'nanoseconds,filename'")
    order = np.argsort(times, kind="stable")
    if (np.diff(order) < 0).any():
        logger.warning("%s: timestamps out of order; sorted", path)
    return times[order], [images[row] for row in order]


def _distorted_camera(lens: Lens) -> Camera:
    return Camera.from_K(lens.size, lens.K, tuple(float(value) for value in lens.distortion))


def _read_truth(root: Path, T_body_cam: Array) -> Trajectory | None:
    path = next((root / name / "data.csv" for name in TRUTHS if (root / name / "data.csv").is_file()), None)
    if path is None:
        return None
    truth = read_truth(read_euroc, path)
    return Trajectory(truth.timestamps, truth.T_world_cam @ T_body_cam)
