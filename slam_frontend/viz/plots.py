"""Figures of a run: the path from above and from the side, and the error over time."""

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np

from slam_frontend.evaluation.trajectory import AlignedPair
from slam_frontend.optional import require
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array
from slam_frontend.viz.directions import AXES, Projection, find_directions
from slam_frontend.viz.palette import TRUTH


@dataclass(frozen=True)
class DrawnPath:
    """One line of the figure, in the coordinates that it is drawn in."""

    label: str
    colour: str
    trajectory: Trajectory
    errors: Array | None  # (M,) metres from the truth
    error_timestamps: Array | None  # (M,)

    @property
    def positions(self) -> Array:
        """(N,3), NaN where lost."""
        return self.trajectory.T_world_cam[:, :3, 3]


def aligned_path(label: str, colour: str, trajectory: Trajectory, pair: AlignedPair | None) -> DrawnPath:
    """All poses of a trajectory moved as the pair says; where they were when there is none."""
    if pair is None:
        return DrawnPath(label, colour, trajectory, None, None)
    moved = replace(trajectory, T_world_cam=pair.move(trajectory.T_world_cam))
    return DrawnPath(label, colour, moved, pair.errors, pair.timestamps)


def plot_trajectory(title: str, paths: list[DrawnPath], truth: Trajectory | None, unit: str = "m") -> bytes:
    """A PNG with the path from above and from the side and, where there is a truth, the error over time."""
    figures = require("matplotlib.figure", extra="viewer")
    has_errors = any(path.errors is not None for path in paths)
    figure = figures.Figure(figsize=(12 if has_errors else 7, 6), layout="constrained")
    columns = [["above", "error"], ["side", "error"]] if has_errors else [["above"], ["side"]]
    panels = figure.subplot_mosaic(columns, height_ratios=[5, 3])
    reference = paths[0].trajectory if truth is None else truth
    directions = find_directions(reference.T_world_cam)
    _draw_view(panels["above"], "from above", directions.above, paths, truth, unit)
    _draw_view(panels["side"], "from the side", directions.side, paths, truth, unit)
    figure.legend(*panels["above"].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    if has_errors:
        _draw_errors(panels["error"], paths)
    figure.suptitle(title, fontsize=14, parse_math=False)  # a folder may be called $HOME$
    data = BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def with_gaps(seconds: Array, values: Array) -> tuple[Array, Array]:
    """NaN rows in (M,...) values where frames are missing, so that no line bridges what wasn't tracked."""
    steps = np.diff(seconds)
    gaps = np.flatnonzero(steps > 3 * np.median(steps)) + 1 if len(steps) else np.empty(0, np.int64)
    return np.insert(seconds, gaps, np.nan), np.insert(values, gaps, np.nan, axis=0)


def error_unit(largest: float) -> tuple[str, float]:
    """The unit that errors of this many metres are legible in, and how many of it are a metre."""
    return ("mm", 1000.0) if largest < 0.1 else ("m", 1.0)


def _draw_view(
    axes: Any, title: str, projection: Projection, paths: list[DrawnPath], truth: Trajectory | None, unit: str
) -> None:
    right, up = projection.right, projection.up
    reference = paths[0].positions if truth is None else truth.T_world_cam[:, :3, 3]
    if truth is not None:
        axes.plot(reference[:, right], reference[:, up], "--", color=TRUTH, label="truth", zorder=3)
    for path in paths:
        axes.plot(path.positions[:, right], path.positions[:, up], color=path.colour, label=path.label, linewidth=1.8)
    start = reference[np.isfinite(reference).all(axis=1)][:1]
    axes.plot(start[:, right], start[:, up], "o", color=TRUTH, label="start", markersize=6)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel=f"{AXES[right]} [{unit}]", ylabel=f"{AXES[up]} [{unit}]", title=title)
    if projection.is_up_reversed:
        axes.invert_yaxis()
    axes.grid(alpha=0.3)


def _draw_errors(axes: Any, paths: list[DrawnPath]) -> None:
    start = min(path.trajectory.timestamps[0] for path in paths)
    largest = max(float(path.errors.max()) for path in paths if path.errors is not None)
    unit, per_metre = error_unit(largest)
    for path in paths:
        if path.errors is None or path.error_timestamps is None:
            continue
        rmse = per_metre * float(np.sqrt(np.mean(path.errors**2)))
        seconds, errors = with_gaps(path.error_timestamps - start, per_metre * path.errors)
        axes.plot(seconds, errors, color=path.colour, label=f"{path.label}, rmse {rmse:.3g} {unit}", linewidth=1.5)
    axes.set(xlabel="time [s]", ylabel=f"distance from the truth [{unit}]", title="error")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
