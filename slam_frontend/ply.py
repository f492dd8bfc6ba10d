"""Point clouds as binary PLY, which MeshLab, CloudCompare and Open3D read."""

from pathlib import Path

import numpy as np

from slam_frontend.files import write_atomically
from slam_frontend.types import Array


def write_ply(points: Array, path: Path) -> None:
    """(P,3) positions as little-endian floats; points that aren't finite are left out."""
    finite = points[np.isfinite(points).all(axis=1)].astype("<f4")
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(finite)}",
        "property float x",
        "property float y",
        "property float z",
        "end_header",
    ]
    write_atomically(path, "\n".join(header).encode() + b"\n" + finite.tobytes())
