"""KITTI odometry: rectified pairs, one folder a camera, projections in calib.txt."""

from bisect import bisect_left
from pathlib import Path

import numpy as np

from slam_frontend.datasets.base import SensorChoice, choose_sensor, read_truth, require_partners
from slam_frontend.datasets.calibration import Calibration, require_size
from slam_frontend.datasets.pictures import first_size, list_pictures, read_picture, read_right
from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import Trajectory, read_kitti
from slam_frontend.types import Array, Camera, Frame, Sensor

PAIRS = ((0, 1), (2, 3))  # grey, colour


class KittiReader:
    """A folder such as ``sequences/00`` with image_0 (and image_1) or image_2 (and 3), calib.txt and times.txt."""

    layout = "image_0 or image_2"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return any((path / f"image_{left}").is_dir() for left, _ in PAIRS)

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        self.name = path.absolute().name
        self.colour = colour
        left, right = _pair(path)
        self.images = list_pictures(path / f"image_{left}")
        self.rights = {image.stem: image for image in list_pictures(path / f"image_{right}")}
        self.sensor = choose_sensor(sensor, Sensor.STEREO if self.rights else Sensor.MONO, path)
        if self.sensor == Sensor.STEREO:
            num_pairs = sum(image.stem in self.rights for image in self.images)
            question = f"is image_{right} of this sequence?"
            require_partners(path, "right image of the same name", num_pairs, len(self.images), question)
        self.indices = [int(image.stem) if image.stem.isdecimal() else row for row, image in enumerate(self.images)]
        self.times = _read_times(path / "times.txt")
        self.in_order = _rising(self.times)
        self.camera, T_cam0_left = self._calibrate(path, left, right, calibration)
        self.truth = _read_truth(path, self.times, self.in_order, T_cam0_left)

    def _calibrate(self, path: Path, left: int, right: int, given: Calibration | None) -> tuple[Camera, Array]:
        """The camera, and where it stands in camera 0, whose poses the truth states."""
        size = first_size(self.images)
        if given is not None:
            require_size(given.camera, size, path)
            if self.sensor == Sensor.STEREO and given.baseline is None:
                raise SequenceError(f"{path}: the camera that was given has no baseline, which stereo needs")
            return given.camera, np.eye(4)
        projections = _read_projections(path / "calib.txt")
        P = projections[left]
        T_cam0_left = np.eye(4)
        T_cam0_left[:3, 3] = -np.linalg.solve(P[:, :3], P[:, 3])
        baseline = float((P[0, 3] - projections[right][0, 3]) / P[0, 0]) if self.sensor == Sensor.STEREO else None
        camera = Camera.from_K(size, P, baseline=baseline)
        _require_plausible(camera, path)
        return camera, T_cam0_left

    def __len__(self) -> int:
        return len(self.images)

    def read(self, position: int) -> Frame | None:
        path, index = self.images[position], self.indices[position]
        if index >= len(self.times):
            raise SequenceError(f"{path}: has no timestamp; times.txt ends at frame {len(self.times) - 1}")
        if not self.in_order[index]:
            raise SequenceError(f"{path}: {self.times[index]} s in times.txt is out of order with the frames around it")
        image, colour = read_picture(path, self.colour)
        right = read_right(self.rights.get(path.stem)) if self.sensor == Sensor.STEREO else None
        return Frame(index, float(self.times[index]), image, right=right, colour=colour)


def _pair(path: Path) -> tuple[int, int]:
    for left, right in PAIRS:
        if list_pictures(path / f"image_{left}"):
            return left, right
    raise SequenceError(f"{path}: there are no images in image_0 or image_2")


def _read_times(path: Path) -> Array:
    try:
        return np.array([float(line) for line in _read_text(path).split()])
    except ValueError as error:
        raise SequenceError(f"{path}: expected one timestamp in seconds a line ({error})") from error


def _rising(times: Array) -> Array:
    """(N,) bool: the most times of which each is greater than the one before; Fredman 1975. Where several in a row are
    wrong, only the whole list tells them from those that follow."""
    ends: list[int] = []  # rows of the least times that one, two, three... rising ones end with
    before = np.full(len(times), -1)
    for row in np.flatnonzero(np.isfinite(times)).tolist():
        length = bisect_left(ends, times[row], key=lambda end: times[end])
        before[row] = ends[length - 1] if length else -1
        ends[length : length + 1] = [row]
    kept = np.zeros(len(times), bool)
    row = ends[-1] if ends else -1
    while row >= 0:
        kept[row], row = True, before[row]
    return kept


def _read_projections(path: Path) -> dict[int, Array]:
    """The (3,4) matrices P0 to P3."""
    projections = {}
    for line in _read_text(path).splitlines():
        key, _, text = line.partition(":")
        if key in ("P0", "P1", "P2", "P3"):
            projections[int(key[1])] = _matrix(text, key, path)
    missing = [f"P{row}" for row in range(4) if row not in projections]
    if missing:
        raise SequenceError(
            f"{path}: {', '.join(missing)} not found; expected lines 'P0: ' to 'P3: ' of 12 numbers each"
        )
    return projections


def _matrix(text: str, key: str, path: Path) -> Array:
    try:
        P = np.array(text.split(), np.float64).reshape(3, 4)
    except ValueError as error:
        raise SequenceError(f"{path}: {key} is no row of 12 numbers ({error})") from error
    if not (P[0, 0] > 0 and P[1, 1] > 0):
        raise SequenceError(f"{path}: {key} has focal lengths {P[0, 0]} and {P[1, 1]}; expected pixels above 0")
    return P


def _require_plausible(camera: Camera, path: Path) -> None:
    """calib.txt doesn't say its image size, but a camera looks through the middle of its image."""
    if not (0.25 < camera.cx / camera.width < 0.75 and 0.25 < camera.cy / camera.height < 0.75):
        raise SequenceError(
            f"{path / 'calib.txt'}: its principal point ({camera.cx:.0f}, {camera.cy:.0f}) is far from the middle of "
            f"the {camera.width}x{camera.height} images; it is the calibration of another size"
        )
    if camera.baseline is not None and not camera.baseline > 0:
        raise SequenceError(
            f"{path / 'calib.txt'}: the right camera stands {camera.baseline:.3f} m to the right of the left one, "
            "expected more than 0; are their projections swapped or the same? --sensor mono does without"
        )


def _read_truth(path: Path, times: Array, in_order: Array, T_cam0_left: Array) -> Trajectory | None:
    name = f"{path.absolute().name}.txt"
    places = (path / "../../poses" / name, path / name, path / "poses.txt", path / "poses" / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return None
    T_world_cam0 = read_truth(read_kitti, found).T_world_cam
    rows = np.flatnonzero(in_order[: len(T_world_cam0)])
    return Trajectory(times[rows], T_world_cam0[rows] @ T_cam0_left)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SequenceError(
            f"{path}: can't be read ({error}); a KITTI sequence needs calib.txt and times.txt"
        ) from error
