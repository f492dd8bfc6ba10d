"""TUM RGB-D: lists of colour and depth images with their times, and motion-capture truth."""

import logging
import math
import re
from bisect import bisect_left, bisect_right
from pathlib import Path

from slam_frontend.datasets.base import SensorChoice, choose_sensor, read_truth, require_partners
from slam_frontend.datasets.calibration import Calibration, find_calibration, require_calibration, require_size
from slam_frontend.datasets.pictures import first_size, read_depth, read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import read_tum
from slam_frontend.types import Camera, Frame, Sensor

logger = logging.getLogger(__name__)

MAX_TIME_DIFFERENCE = 0.02  # between an image and its depth
KINECT_BASELINE = 0.075  # metres between projector and sensor
# Sturm et al. 2012, the calibrations published with the recordings.
FACTORY = {
    "1": (517.306408, 516.469215, 318.643040, 255.313989, (0.262383, -0.953104, -0.005358, 0.002628, 1.163314)),
    "2": (520.908620, 521.007327, 325.141442, 249.701764, (0.231222, -0.784899, -0.003257, -0.000105, 0.917205)),
    "3": (535.4, 539.2, 320.1, 247.6, ()),
}


class TumReader:
    """A folder with rgb.txt, and depth.txt and groundtruth.txt where they are known."""

    layout = "rgb.txt"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return (path / "rgb.txt").is_file()

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        self.name = path.absolute().name
        self.path, self.colour = path, colour
        self.times, self.images = _read_list(path / "rgb.txt")
        richest = Sensor.RGBD if (path / "depth.txt").is_file() else Sensor.MONO
        self.sensor = choose_sensor(sensor, richest, path)
        calibration = find_calibration(path, calibration) or _factory(path) or require_calibration(path, None)
        self.depth_scale = calibration.depth_scale
        self.camera = _with_baseline(calibration, self.sensor)
        require_size(self.camera, first_size(path / image for image in self.images), path)
        self.depths = _associate(path, self.times) if self.sensor == Sensor.RGBD else {}
        truth = path / "groundtruth.txt"
        self.truth = read_truth(read_tum, truth) if truth.is_file() else None

    def __len__(self) -> int:
        return len(self.times)

    def read(self, position: int) -> Frame | None:
        image, colour = read_picture(self.path / self.images[position], self.colour)
        depth = read_depth(self.depths.get(position), self.depth_scale)
        return Frame(position, self.times[position], image, depth=depth, colour=colour)


def _read_list(path: Path) -> tuple[list[float], list[str]]:
    """Times and names in the order of the times, without lines whose time is no number."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").splitlines(), start=1):
        fields = line.split(maxsplit=1)  # a name may have spaces
        if not fields or fields[0].startswith("#"):
            continue
        try:
            rows.append((float(fields[0]), fields[1].rstrip()))
        except (ValueError, IndexError) as error:
            raise SequenceError(f"{path}, line {number}: expected 'timestamp filename', found {line[:60]!r}") from error
    finite = [row for row in rows if math.isfinite(row[0])]
    if not finite:
        raise SequenceError(f"{path}: lists no images; expected lines of 'timestamp filename'")
    if len(finite) < len(rows):
        logger.warning(
            "%s: left out %d of %d lines, whose timestamp is no number", path, len(rows) - len(finite), len(rows)
        )
    ordered = sorted(finite, key=lambda row: row[0])
    if ordered != finite:
        logger.warning("%s: timestamps out of order; sorted", path)
    return [time for time, _ in ordered], [name for _, name in ordered]


def _associate(path: Path, times: list[float]) -> dict[int, Path]:
    """The depth image of each position that has one at its time."""
    depth_times, names = _read_list(path / "depth.txt")
    pairs = _nearest_pairs(times, depth_times)
    within = f"depth within {1000 * MAX_TIME_DIFFERENCE:.0f} ms"
    require_partners(path, within, len(pairs), len(times), "are rgb.txt and depth.txt on one clock?")
    return {row: path / names[depth_row] for row, depth_row in pairs.items()}


def _nearest_pairs(times: list[float], depth_times: list[float]) -> dict[int, int]:
    """Rows that belong together, one to one, the closest pairs first: whoever loses its nearest gets the next one."""
    candidates = []
    for row, moment in enumerate(times):
        first = bisect_left(depth_times, moment - MAX_TIME_DIFFERENCE)
        last = bisect_right(depth_times, moment + MAX_TIME_DIFFERENCE)
        candidates += [(abs(depth_times[depth_row] - moment), row, depth_row) for depth_row in range(first, last)]
    pairs: dict[int, int] = {}
    taken = set()
    for _, row, depth_row in sorted(candidates):
        if row not in pairs and depth_row not in taken:
            pairs[row] = depth_row
            taken.add(depth_row)
    return pairs


def _factory(path: Path) -> Calibration | None:
    """The calibration of the camera that the folder, or what it is a link to, is named after."""
    names = f"{path.absolute().name} {path.resolve().name}".lower()
    camera = re.search(r"(?:freiburg|fr)([123])(?!\d)", names)
    if camera is None:
        return None
    fx, fy, cx, cy, distortion = FACTORY[camera[1]]
    return Calibration(width=640, height=480, fx=fx, fy=fy, cx=cx, cy=cy, distortion=distortion)


def _with_baseline(calibration: Calibration, sensor: Sensor) -> Camera:
    if sensor == Sensor.RGBD and calibration.baseline is None:
        calibration = calibration.model_copy(update={"baseline": KINECT_BASELINE})
    return calibration.camera
