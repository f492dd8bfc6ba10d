"""Everything a run leaves behind, in one folder."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from slam_frontend.config import RunConfig, dump_config
from slam_frontend.errors import MissingDependency, OutputError, describe
from slam_frontend.evaluation.trajectory import align_to_truth
from slam_frontend.files import make_writable, to_json, write_atomically
from slam_frontend.frame_table import write_frames
from slam_frontend.pipeline import RunResult
from slam_frontend.ply import PointCloud, write_ply
from slam_frontend.summary import RunSummary
from slam_frontend.trajectory import Trajectory, write_kitti, write_tum
from slam_frontend.types import Array, Sensor
from slam_frontend.viz.draw import encode_png
from slam_frontend.viz.palette import FINAL, ONLINE
from slam_frontend.viz.plots import aligned_path, plot_trajectory
from slam_frontend.viz.snapshots import choose_pictures

logger = logging.getLogger(__name__)

MOST_GAPS = 100  # rows for each frame
LOG = "run.log"  # the first file of every run
SEGMENT = "trajectory_segment_{}.txt"  # of another map than the one that located the most


def prepare_folder(folder: Path) -> Path:
    """The folder, made and proven to be writable and to hold nobody else's files, for results replace what lies there;
    OutputError before any frame is read rather than after the last."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LOG).is_file():
        raise OutputError(f"{folder}: holds files but no {LOG}, so that no run made it; choose a new folder for --out")
    return make_writable(folder)


def write_run(
    folder: Path,
    result: RunResult,
    summary: RunSummary,
    config: RunConfig,
    truth: Trajectory | None = None,
    pictures: dict[int, Array] | None = None,
    cloud: PointCloud | None = None,
    asked: range = range(0),
) -> None:
    """Trajectories, metrics, config, map and pictures; what can't be written doesn't stop the rest.

    Each map has a world of its own, so that the trajectories are those of the one that located the most, and every
    other gets its own file. ``asked`` are the indices of the frames that were asked for, empty where nobody knows.
    OutputError at the end names what is missing; without matplotlib the log says that there is no figure.
    """
    title = f"{summary.recording}, {summary.sensor}, {config.extractor.name}"
    online, final = (path.keep(result.longest_segment) for path in (result.online, result.final))
    jobs: dict[str, Callable[[Path], None]] = {
        "trajectory_online.txt": lambda path: write_tum(online, path),
        "trajectory.txt": lambda path: write_tum(final, path),
        "trajectory_kitti.txt": lambda path: write_kitti(without_gaps(final, result.indices, asked), path),
        "metrics.json": lambda path: write_atomically(path, to_json(summary.as_dict()) + "\n"),
        "config.yaml": lambda path: write_atomically(path, dump_config(config)),
        "map.ply": lambda path: write_ply(PointCloud(result.points) if cloud is None else cloud, path),
        "trajectory.png": lambda path: write_atomically(path, _figure(title, result, summary, truth)),
        "frames.csv": lambda path: write_frames(result.frame_table, path),
    }
    if truth is not None and len(result.indices) and (seen := truth.during(result.online.timestamps)):
        jobs["truth.txt"] = lambda path: write_tum(seen, path)
    for index, picture in _worth_keeping(pictures or {}, result, summary, truth).items():
        jobs[f"frames/{index:06d}.png"] = lambda path, picture=picture: write_atomically(path, encode_png(picture))  # type: ignore[misc]
    for segment in np.unique(result.segments[result.final.located & ~result.longest_segment]).tolist():
        other = result.final.keep(result.segments == segment)
        jobs[SEGMENT.format(segment + 1)] = lambda path, other=other: write_tum(other, path)  # type: ignore[misc]
    for pattern in ("truth.txt", SEGMENT.format("*"), "frames/[0-9]*.png"):  # of an earlier run with the same --out
        leftovers = {str(path.relative_to(folder)): _remove for path in folder.glob(pattern)}
        jobs = leftovers | jobs  # files that are there anew are replaced
    failures = [failure for name, write in jobs.items() if (failure := _attempt(write, folder / name))]
    if failures:
        raise OutputError("; ".join([failures[0], *([f"and {len(failures) - 1} files more"] if failures[1:] else [])]))


def without_gaps(trajectory: Trajectory, indices: Array, asked: range = range(0)) -> Trajectory:
    """One row for each frame that was asked for; those that were skipped, dropped or not reached are lost.

    Where nobody says which were asked for, or others came, as the files of a recording may be numbered with gaps, it is
    every n-th from the first to the last of the indices; where those are no numbers but times, a row for each frame.
    """
    if not len(indices):
        return trajectory
    if not all(index in asked for index in indices.tolist()):
        if len(indices) < 2:
            return trajectory
        asked = range(indices[0], indices[-1] + 1, np.gcd.reduce(np.diff(indices)))
        if len(asked) > MOST_GAPS * len(indices):  # no frames' numbers, but times
            return trajectory
    rows = (indices - asked.start) // asked.step
    T_world_cam = np.full((len(asked), 4, 4), np.nan)
    T_world_cam[rows] = trajectory.T_world_cam
    return Trajectory(np.interp(np.arange(len(asked)), rows, trajectory.timestamps), T_world_cam)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: is of an earlier run and can't be removed ({error.strerror})") from error


def _attempt(write: Callable[[Path], None], path: Path) -> str | None:
    try:
        write(path)
    except MissingDependency as error:
        logger.warning("no %s: %s", path.name, error)
    except OutputError as error:
        return str(error)
    except Exception as error:  # hours of tracking outlive a mistake in one of the files
        logger.exception("%s", path.name)
        return f"{path}: can't be written ({describe(error)})"
    return None


def _worth_keeping(
    pictures: dict[int, Array], result: RunResult, summary: RunSummary, truth: Trajectory | None
) -> dict[int, Array]:
    """Those of the drawn frames that tell the most."""
    rows = np.flatnonzero(np.isin(result.indices, list(pictures)))
    inliers = np.where((result.num_expected > 0) | result.is_lost, result.num_inliers, np.nan)
    errors = np.full(len(result.indices), np.nan)
    if truth is not None and summary.online is not None:
        pair = align_to_truth(result.online.keep(result.longest_segment), truth, summary.online.alignment)
        errors[np.searchsorted(result.online.timestamps, pair.timestamps)] = pair.errors
    kept = result.indices[rows[choose_pictures(inliers[rows], errors[rows])]].tolist()
    return {index: pictures[index] for index in kept}


def _figure(title: str, result: RunResult, summary: RunSummary, truth: Trajectory | None) -> bytes:
    longest = result.longest_segment
    lines = []
    for label, colour, path in (("online", ONLINE, result.online), ("after mapping", FINAL, result.final)):
        judged = path.keep(result.is_judged)
        pair = align_to_truth(judged, truth, summary.online.alignment) if truth and summary.online else None
        lines.append(aligned_path(label, colour, path.keep(longest), pair))
    if truth and summary.online:
        return plot_trajectory(title, lines, truth.during(result.online.timestamps))
    return plot_trajectory(title, lines, None, unit="unknown unit" if summary.sensor is Sensor.MONO else "m")
