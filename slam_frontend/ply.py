"""Point clouds as binary PLY, which MeshLab, CloudCompare and Open3D read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.files import write_atomically
from slam_frontend.types import Array

FORMAT = "format binary_little_endian 1.0"
TYPES = {"float": "<f4", "uchar": "u1", "ushort": "<u2"}


@dataclass(frozen=True)
class PointCloud:
    """The landmarks of a run, in the order of their birth if ``segments`` are known."""

    positions: Array  # (P,3) float32
    colours: Array | None = None  # (P,3) uint8 RGB, as first seen
    segments: Array | None = None  # (P,) which map a landmark belongs to; places of two maps can't be compared

    def __len__(self) -> int:
        return len(self.positions)

    def select(self, rows: Array) -> "PointCloud":
        """The points of the given rows (indices or mask)."""
        colours, segments = (None if column is None else column[rows] for column in (self.colours, self.segments))
        return PointCloud(self.positions[rows], colours, segments)


def write_ply(cloud: PointCloud, path: Path) -> None:
    """Positions as little-endian floats, with what else is known; points that aren't finite are left out."""
    cloud = cloud.select(np.flatnonzero(np.isfinite(cloud.positions).all(axis=1)))
    columns = [("float", name, cloud.positions[:, axis]) for axis, name in enumerate("xyz")]
    if cloud.colours is not None:
        columns += [("uchar", name, cloud.colours[:, i]) for i, name in enumerate(("red", "green", "blue"))]
    if cloud.segments is not None:
        columns += [("ushort", "segment", cloud.segments)]
    table = np.empty(len(cloud), [(name, TYPES[type]) for type, name, _ in columns])
    for _, name, values in columns:
        table[name] = values
    properties = [f"property {type} {name}" for type, name, _ in columns]
    header = ["ply", FORMAT, f"element vertex {len(cloud)}", *properties, "end_header", ""]
    write_atomically(path, "\n".join(header).encode() + table.tobytes())


def read_ply(path: Path) -> PointCloud:
    """A cloud that ``write_ply`` wrote, of this version or an earlier one; SequenceError where it is something else."""
    try:
        header, body = path.read_bytes().split(b"end_header\n", 1)
        lines = header.decode().splitlines()
        count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex "))
        columns = [line.split()[1:] for line in lines if line.startswith("property ")]
        table = np.frombuffer(body, [(name, TYPES[type]) for type, name in columns], count)
        positions = np.stack([table[name] for name in "xyz"], axis=1)
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, KeyError, StopIteration, IndexError) as error:
        raise SequenceError(f"{path}: is no map of a run; run the recording again") from error
    names = table.dtype.names or ()
    colours = np.stack([table[name] for name in ("red", "green", "blue")], axis=1) if "red" in names else None
    return PointCloud(positions, colours, table["segment"] if "segment" in names else None)
