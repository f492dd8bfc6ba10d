"""Tracks as a table with a row for each sight, as back ends of the VINS kind take them in."""

import io
from pathlib import Path

import numpy as np

from slam_frontend.adapters.tracks import Tracks, read_tracks
from slam_frontend.files import write_atomically, write_once
from slam_frontend.geometry.camera import normalised
from slam_frontend.types import Array
from slam_frontend.watch import Watch, ignore_progress

COLUMNS = ("frame", "timestamp", "id", "u", "v", "x", "y", "vx", "vy")
TABLE = "tracks.csv"  # in the folder of its run
CHUNK = 20_000  # rows between two looks at the clock
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


def export_track_table(run: Path, path: Path | None = None, watch: Watch = ignore_progress) -> int:
    """Write the table of a run's tracks as CSV with a header, or as .npz with an array for each column; the number of
    its rows. Without a ``path`` the run's own tracks.csv is made anew; OutputError rather than over another file."""
    table = track_table(read_tracks(run))
    if path is None:
        write_atomically(run / TABLE, _as_csv(table, watch))
    else:
        write_once(path, _as_arrays(table) if path.suffix == ".npz" else _as_csv(table, watch))
    return len(table)


def _as_arrays(table: Array) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **dict(zip(COLUMNS, table.T, strict=True)))
    return content.getvalue()


def _as_csv(table: Array, watch: Watch) -> bytes:
    content = io.BytesIO()
    content.write((",".join(COLUMNS) + "\n").encode())
    for first in range(0, len(table), CHUNK):
        np.savetxt(content, table[first : first + CHUNK], ROW)
        watch("sights", min(first + CHUNK, len(table)), len(table))
    return content.getvalue()


def _consecutive(frames: Array, landmarks: Array) -> tuple[Array, Array]:
    """Rows of sights whose landmark the frame before saw too, and the rows of those sights."""
    order = np.lexsort((frames, landmarks))
    same = landmarks[order][1:] == landmarks[order][:-1]
    same &= frames[order][1:] == frames[order][:-1] + 1
    return order[1:][same], order[:-1][same]
