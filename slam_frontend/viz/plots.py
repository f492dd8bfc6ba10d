"""Figures of a run: the path from above, and the error over time."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from slam_frontend.evaluation.trajectory import AlignedPair
from slam_frontend.optional import require
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array

# Okabe and Ito's colours, told apart with any kind of sight; the truth is black and dashed as well.
TRUTH, ONLINE, FINAL = "#000000", "#E69F00", "#0072B2"
AXES = "xyz"


@dataclass(frozen=True)
class DrawnPath:
    """One line of the figure, in the coordinates that it is drawn in."""

    label: str
    colour: str
    timestamps: Array  # (N,)
    positions: Array  # (N,3), NaN where lost
    errors: Array | None  # (M,) metres from the truth
    error_timestamps: Array | None  # (M,)


def aligned_path(label: str, colour: str, trajectory: Trajectory, pair: AlignedPair | None) -> DrawnPath:
    """All poses of a trajectory moved as the pair says; where they were when there is none."""
    positions = trajectory.T_world_cam[:, :3, 3]
    if pair is None:
        return DrawnPath(label, colour, trajectory.timestamps, positions, None, None)
    T = pair.T_truth_estimate
    moved = pair.scale * positions @ T[:3, :3].T + T[:3, 3]
    return DrawnPath(label, colour, trajectory.timestamps, moved, pair.errors, pair.timestamps)


def plot_trajectory(title: str, paths: list[DrawnPath], truth: Trajectory | None, unit: str = "m") -> bytes:
    """A PNG with the path from above and, where there is a truth, the error over time."""
    figures = require("matplotlib.figure", extra="viewer")
    has_errors = any(path.errors is not None for path in paths)
    figure = figures.Figure(figsize=(12 if has_errors else 7, 6), layout="constrained")
    panels = figure.subplots(1, 2 if has_errors else 1, squeeze=False)[0]
    _draw_top_view(panels[0], paths, truth, unit)
    if has_errors:
        _draw_errors(panels[1], paths)
    figure.suptitle(title)
    data = BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def top_view_axes(positions: Array) -> tuple[int, int]:
    """The two axes along which a path reaches farthest: x and z for a car's camera, x and y for a tabletop."""
    finite = positions[np.isfinite(positions).all(axis=1)]
    if len(finite) == 0:
        return 0, 2
    narrow = int(np.ptp(finite, axis=0).argmin())
    horizontal, vertical = (axis for axis in range(3) if axis != narrow)
    return horizontal, vertical


def _draw_top_view(axes: Any, paths: list[DrawnPath], truth: Trajectory | None, unit: str) -> None:
    reference = paths[0].positions if truth is None else truth.T_world_cam[:, :3, 3]
    horizontal, vertical = top_view_axes(reference)
    if truth is not None:
        axes.plot(reference[:, horizontal], reference[:, vertical], "--", color=TRUTH, label="truth", zorder=3)
    for path in paths:
        across, up = path.positions[:, horizontal], path.positions[:, vertical]
        axes.plot(across, up, color=path.colour, label=path.label, linewidth=1.5)
    start = reference[np.isfinite(reference).all(axis=1)][:1]
    axes.plot(start[:, horizontal], start[:, vertical], "o", color=TRUTH, label="start", markersize=6)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel=f"{AXES[horizontal]} [{unit}]", ylabel=f"{AXES[vertical]} [{unit}]", title="path")
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_errors(axes: Any, paths: list[DrawnPath]) -> None:
    start = min(path.timestamps[0] for path in paths)
    for path in paths:
        if path.errors is None or path.error_timestamps is None:
            continue
        rmse = float(np.sqrt(np.mean(path.errors**2)))
        label = f"{path.label}, rmse {rmse:.3g} m"
        seconds, errors = _with_gaps(path.error_timestamps - start, path.errors)
        axes.plot(seconds, errors, color=path.colour, label=label, linewidth=1.5)
    axes.set(xlabel="time [s]", ylabel="distance from the truth [m]", title="error")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _with_gaps(seconds: Array, errors: Array) -> tuple[Array, Array]:
    """NaN where frames are missing, so that no line bridges what wasn't tracked."""
    steps = np.diff(seconds)
    gaps = np.flatnonzero(steps > 3 * np.median(steps)) + 1 if len(steps) else np.empty(0, np.int64)
    return np.insert(seconds, gaps, np.nan), np.insert(errors, gaps, np.nan)
