"""Tracks as a table with a row for each sight, as back ends of the VINS kind take them in."""

import io
from pathlib import Path

import numpy as np

from slam_frontend.adapters.tracks import Tracks
from slam_frontend.files import write_atomically
from slam_frontend.geometry.camera import normalised
from slam_frontend.types import Array

COLUMNS = ("frame", "timestamp", "id", "u", "v", "x", "y", "vx", "vy")
ROW = "%d,%.9f,%d,%.4f,%.4f,%.7f,%.7f,%.6f,%.6f"


def track_table(tracks: Tracks) -> Array:
    """(S,9) float64: index and time of the frame, id of the landmark, its pixel as found, its undistorted position on
    the plane z = 1, and that position's velocity a second since the frame before, 0 if it wasn't in sight there."""
    positions = normalised(tracks.sight_undistorted, tracks.camera)
    rows, previous = _consecutive(tracks.sight_frames, tracks.sight_landmarks)
    times = tracks.timestamps[tracks.sight_frames]
    velocities = np.zeros_like(positions)
    elapsed = (times[rows] - times[previous])[:, None]
    velocities[rows] = (positions[rows] - positions[previous]) / np.maximum(elapsed, 1e-9)
    identity = np.column_stack([tracks.indices[tracks.sight_frames], times, tracks.sight_landmarks])
    return np.column_stack([identity, tracks.sight_pixels, positions, velocities])


def write_track_table(tracks: Tracks, path: Path) -> int:
    """Write the table as CSV with a header, or as .npz with an array for each column; the number of its rows."""
    table, content = track_table(tracks), io.BytesIO()
    if path.suffix == ".npz":
        np.savez_compressed(content, **dict(zip(COLUMNS, table.T, strict=True)))
    else:
        np.savetxt(content, table, ROW, header=",".join(COLUMNS), comments="")
    write_atomically(path, content.getvalue())
    return len(table)


def _consecutive(frames: Array, landmarks: Array) -> tuple[Array, Array]:
    """Rows of sights whose landmark the frame before saw too, and the rows of those sights."""
    order = np.lexsort((frames, landmarks))
    same = landmarks[order][1:] == landmarks[order][:-1]
    same &= frames[order][1:] == frames[order][:-1] + 1
    return order[1:][same], order[:-1][same]
