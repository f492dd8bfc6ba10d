"""A path through the world: poses over time, with the moments where the camera was lost."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from slam_frontend.errors import SequenceError
from slam_frontend.files import as_yaml, write_atomically
from slam_frontend.types import Array

logger = logging.getLogger(__name__)

TrajectoryFormat = Literal["tum", "kitti", "euroc"]
MARGIN = 0.05  # seconds between the ends of a run and a pose that still belongs to it
MAX_SHEAR = 0.01  # how far from a rotation a KITTI row or a T_BS may be: they are printed with few digits


@dataclass(frozen=True)
class Trajectory:
    """Camera-to-world poses in the order of their timestamps; a lost pose is NaN, never the last one."""

    timestamps: Array  # (N,) float64 seconds
    T_world_cam: Array  # (N,4,4) float64, NaN where lost
    has_clock: bool = True  # False: the timestamps count frames

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def located(self) -> Array:
        """(N,) bool: where there is a pose."""
        located: Array = np.asarray(np.isfinite(self.T_world_cam).all(axis=(1, 2)))
        return located

    def select(self, rows: Array) -> "Trajectory":
        """The poses of the given rows (indices or mask)."""
        return replace(self, timestamps=self.timestamps[rows], T_world_cam=self.T_world_cam[rows])

    def keep(self, rows: Array) -> "Trajectory":
        """The same length, lost wherever the mask is False."""
        return replace(self, T_world_cam=np.where(rows[:, None, None], self.T_world_cam, np.nan))

    def during(self, timestamps: Array) -> "Trajectory":
        """The part from the first to the last of (N,) timestamps, and a little more: what a run could have seen."""
        first, last = timestamps[0] - MARGIN, timestamps[-1] + MARGIN
        return self.select((self.timestamps >= first) & (self.timestamps <= last))


def associate(timestamps0: Array, timestamps1: Array, max_difference: float = 0.02) -> Array:
    """Pairs (M,2) of rows whose times are nearest to each other and at most ``max_difference`` apart, one to one."""
    if len(timestamps0) == 0 or len(timestamps1) == 0:
        return np.empty((0, 2), np.int64)
    after = np.clip(np.searchsorted(timestamps1, timestamps0), 1, max(len(timestamps1) - 1, 1))
    candidates = np.stack([after - 1, np.minimum(after, len(timestamps1) - 1)])  # (2,N)
    gaps = np.abs(timestamps1[candidates] - timestamps0)
    nearest = np.where(gaps[0] <= gaps[1], candidates[0], candidates[1])
    gap = gaps.min(axis=0)
    rows0 = np.lexsort((gap, nearest))  # where two want the same row, the closer one comes first
    _, first = np.unique(nearest[rows0], return_index=True)
    rows0 = np.sort(rows0[first])
    rows0 = rows0[gap[rows0] <= max_difference]
    return np.stack([rows0, nearest[rows0]], axis=1)


def read_trajectory(path: Path | str, times: Path | str | None = None, is_truth: bool = False) -> Trajectory:
    """The poses in a file of whichever of the three formats its first row shows; ``times`` only matters for KITTI.

    EuRoC's own truth has the body's poses: where ``is_truth``, they are moved to the camera.
    """
    path = Path(path)
    readers = {"tum": read_tum, "euroc": _read_euroc_camera if is_truth else read_euroc}
    format = recognise(path)
    return read_kitti(path, times) if format == "kitti" else readers[format](path)


def read_tum(path: Path | str) -> Trajectory:
    """``timestamp tx ty tz qx qy qz qw``, one line per located frame."""
    rows = _read_rows(path, "timestamp tx ty tz qx qy qz qw", columns=8)
    return _in_order(path, rows[:, 0], _poses(path, rows[:, 1:4], rows[:, 4:8]))


def read_euroc(path: Path | str) -> Trajectory:
    """``timestamp_ns, px, py, pz, qw, qx, qy, qz`` and columns that don't matter here; the pose is the body's."""
    rows = _read_rows(path, "timestamp_ns,px,py,pz,qw,qx,qy,qz", columns=8, more=True)
    return _in_order(path, rows[:, 0] * 1e-9, _poses(path, rows[:, 1:4], rows[:, [5, 6, 7, 4]]))


def _read_euroc_camera(path: Path) -> Trajectory:
    """The poses of cam0, by the sensor.yaml of the recording that the file lies in; the file's own elsewhere."""
    body = read_euroc(path)
    sensor_file = path.absolute().parent.parent / "cam0" / "sensor.yaml"
    if not sensor_file.is_file():
        logger.warning(
            "%s: its poses are taken for the camera's, though EuRoC's own truth has the body's; "
            "there is no %s to tell where the camera sits",
            *(path, sensor_file),
        )
        return body
    return replace(body, T_world_cam=body.T_world_cam @ read_T_body_cam(sensor_file))


def read_T_body_cam(sensor_file: Path) -> Array:
    """(4,4): where a camera sits on the body, by the T_BS of its sensor.yaml."""
    try:
        data = yaml.safe_load(as_yaml(sensor_file.read_text("utf-8-sig")))["T_BS"]["data"]
        T_body_cam = np.array(data, np.float64).reshape(4, 4)
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise SequenceError(
            f"{sensor_file}: no T_BS can be read; expected its data, 16 numbers of a 4x4 matrix"
        ) from error
    R = T_body_cam[:3, :3]
    if not (_shear(R) < MAX_SHEAR and np.linalg.det(R) > 0):
        raise SequenceError(f"{sensor_file}: T_BS is no rotation and translation; a camera alone may have the identity")
    return T_body_cam


def read_kitti(path: Path | str, times: Path | str | None = None) -> Trajectory:
    """Twelve numbers a frame; without the file of ``times`` the timestamps count frames. A lost frame is all NaN."""
    rows = _read_rows(path, "the 12 numbers of a 3x4 matrix", columns=12)
    stamps = _read_rows(times, "one timestamp", columns=1)[:, 0] if times else np.arange(len(rows), dtype=np.float64)
    if len(stamps) < len(rows):
        raise SequenceError(f"{path}: has {len(rows)} poses, but {times} has {len(stamps)} timestamps")
    T_world_cam = np.tile(np.eye(4), (len(rows), 1, 1))
    T_world_cam[:, :3] = rows.reshape(-1, 3, 4)
    T_world_cam[~np.isfinite(rows).all(axis=1)] = np.nan
    shear = np.nan_to_num(_shear(T_world_cam[:, :3, :3]))
    if (shear > MAX_SHEAR).any():
        raise SequenceError(
            f"{path}: pose {int(shear.argmax())} is not a rotation and a translation; is this a KITTI file?"
        )
    return replace(_in_order(path, stamps[: len(rows)], T_world_cam), has_clock=times is not None)


def write_tum(trajectory: Trajectory, path: Path | str) -> None:
    """One line per located frame."""
    located = trajectory.select(trajectory.located)
    R, positions, quaternions = located.T_world_cam[:, :3, :3], located.T_world_cam[:, :3, 3], np.empty((0, 4))
    if len(located):  # not every scipy takes none
        quaternions = Rotation.from_matrix(R).as_quat(canonical=True)
    lines = []
    for t, position, quaternion in zip(located.timestamps, positions, quaternions, strict=True):
        lines.append(f"{t:.6f} {' '.join(f'{number:.9f}' for number in (*position, *quaternion))}\n")
    write_atomically(Path(path), "".join(lines))


def write_kitti(trajectory: Trajectory, path: Path | str) -> None:
    """One line per frame and no gaps; a lost frame is twelve times nan, so that no tool can take it for a pose."""
    rows = trajectory.T_world_cam[:, :3].reshape(-1, 12)
    write_atomically(Path(path), "".join(" ".join(f"{number:.9e}" for number in row) + "\n" for row in rows))


def recognise(path: Path) -> TrajectoryFormat:
    row = next((line for line in _read_text(path).splitlines() if _is_data(line)), "")
    columns = len(_split(row))
    if columns == 12 and "," not in row:
        return "kitti"
    if columns == 8 and "," not in row:
        return "tum"
    if columns >= 8 and "," in row:
        return "euroc"
    raise SequenceError(f"{path}: is no TUM (8 columns), KITTI (12) or EuRoC (commas) trajectory: {row[:60]!r}")


def _read_text(path: Path | str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror}); expected a trajectory file") from error
    except UnicodeDecodeError as error:
        raise SequenceError(f"{path}: is not text; expected a trajectory file") from error


def _is_data(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _split(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _read_rows(path: Path | str, expected: str, columns: int, more: bool = False) -> Array:
    rows = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not _is_data(line):
            continue
        fields = _split(line)
        if len(fields) < columns or (len(fields) > columns and not more):
            raise SequenceError(f"{path}, line {number}: expected {expected}, found {len(fields)} columns")
        try:
            rows.append([float(field) for field in fields[:columns]])
        except ValueError as error:
            raise SequenceError(f"{path}, line {number}: expected {expected}, found {line.strip()[:60]!r}") from error
    if not rows:
        raise SequenceError(f"{path}: holds no poses; expected lines of {expected}")
    return np.array(rows, np.float64)


def _shear(R: Array) -> Array:
    """(...): how far matrices (...,3,3) are from keeping lengths and angles."""
    return np.asarray(np.abs(R @ np.swapaxes(R, -1, -2) - np.eye(3)).max(axis=(-2, -1)))


def _poses(path: Path | str, translations: Array, quaternions: Array) -> Array:
    norms = np.linalg.norm(quaternions, axis=1)
    bad = ~(np.isfinite(translations).all(axis=1) & (np.abs(norms - 1) < 0.1))
    if bad.any():
        raise SequenceError(f"{path}: pose {int(bad.argmax())} has no unit quaternion or is not finite")
    T_world_cam = np.tile(np.eye(4), (len(translations), 1, 1))
    T_world_cam[:, :3, :3] = Rotation.from_quat(quaternions).as_matrix()
    T_world_cam[:, :3, 3] = translations
    return T_world_cam


def _in_order(path: Path | str, timestamps: Array, T_world_cam: Array) -> Trajectory:
    unique, rows = np.unique(timestamps, return_index=True)
    if not np.isfinite(unique).all():
        raise SequenceError(f"{path}: has a timestamp that is not a number")
    if len(rows) < len(timestamps) or (np.diff(rows) < 0).any():
        dropped = len(timestamps) - len(rows)
        logger.warning("%s: timestamps out of order or doubled; sorted, %d doubles left out", path, dropped)
    return Trajectory(unique, T_world_cam[rows])
