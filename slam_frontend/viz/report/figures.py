"""The figures of a report's page."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from slam_frontend.evaluation.comparison import ComparedPath, ComparedRun, Comparison
from slam_frontend.frame_table import FrameTable
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import TrackingState
from slam_frontend.viz.directions import AXES, Projection, find_directions
from slam_frontend.viz.palette import (
    BLUE,
    FINAL,
    GREEN,
    ONLINE,
    ORANGE,
    PURPLE,
    RUN_COLOURS,
    SKY,
    TRUTH,
    VERMILION,
)
from slam_frontend.viz.plots import error_unit
from slam_frontend.viz.report.charts import (
    KEYFRAME_MARK,
    START_MARK,
    Figure,
    axis,
    axis_id,
    axis_key,
    heading,
    lost_band,
    padded_range,
    path_trace,
    rows_of_panels,
    sheet,
    time_axis,
    time_trace,
)

STAGE_COLOURS = (BLUE, SKY, ORANGE, GREEN, PURPLE, VERMILION)
ROW_HEIGHT = 190  # pixels
DOMAINS = ([0, 0.47], [0.56, 1])  # of two panels beside each other


class Line(NamedTuple):
    """A trajectory of a run, and how it is drawn in every figure."""

    label: str
    path: ComparedPath
    style: dict[str, Any]


def trajectory_figure(comparison: Comparison) -> Figure:
    """The paths from above and from the side, in equal scales."""
    world = comparison.reference or comparison.runs[0].final.moved
    directions = find_directions(world.T_world_cam)
    layout = sheet(480, hovermode="closest")
    layout["annotations"] = [heading("from above", DOMAINS[0][0]), heading("from the side", DOMAINS[1][0])]
    data = []
    for panel, projection in enumerate((directions.above, directions.side), start=1):
        paths = _paths(comparison, world, projection, panel)
        data += paths
        layout |= _equal_axes(projection, panel, "m" if comparison.is_metric else "unknown unit", padded_range(paths))
    return {"data": data, "layout": layout}


def error_figure(comparison: Comparison) -> Figure | None:
    """The distance from the truth over time; None without a truth."""
    unit, per_metre = error_unit(_largest_error(comparison))
    data = []
    for line in _lines(comparison):
        if line.path.pair is not None:
            times, errors = line.path.pair.timestamps - comparison.start, per_metre * line.path.pair.errors
            label = f"{line.label}, rmse {np.sqrt(np.mean(errors**2)):.3g} {unit}"
            data.append(time_trace(label, times, errors, unit, line.style))
    distance = axis(f"distance from the truth [{unit}]", rangemode="tozero")
    layout = sheet(330, xaxis=time_axis(data), yaxis=distance)
    return {"data": data, "layout": layout} if data else None


def axis_error_figure(comparison: Comparison) -> Figure | None:
    """The error along each axis of the truth, and of the orientation; None without a truth."""
    unit, per_metre = error_unit(_largest_error(comparison))
    data = []
    for line in _lines(comparison):
        if line.path.pair is not None:
            times = line.path.pair.timestamps - comparison.start
            columns = [*((values, unit) for values in per_metre * line.path.offsets.T), (line.path.angles_deg, "deg")]
            for row, (values, of) in enumerate(columns, start=1):
                data.append(time_trace(line.label, times, values, of, line.style, row))
    titles = [*(f"{name} [{unit}]" for name in AXES), "angle [deg]"]
    return {"data": data, "layout": rows_of_panels(data, titles, 130)} if data else None


def landmark_figure(comparison: Comparison) -> Figure | None:
    """Keypoints, landmarks expected and found, over time and by run; None where no run has a table of frames."""
    data, shapes = [], []
    tables = list(_tables(comparison))
    for row, (_, table) in enumerate(tables, start=1):
        times = table.timestamps - comparison.start
        for label, counts, colour in (
            ("keypoints", table.num_keypoints, SKY),
            ("landmarks expected in sight", table.num_expected, ORANGE),
            ("landmarks found: inliers of the pose", table.num_inliers, BLUE),
        ):
            data.append(time_trace(label, times, counts, "", {"color": colour, "width": 2}, row))
        keyframes = times[table.is_keyframe]
        data.append({**time_trace("keyframe", keyframes, 0 * keyframes, "", {}, row), **KEYFRAME_MARK})
        shapes += [lost_band(times[first], times[last], row) for first, last in _lost_stretches(table)]
    names = [compared.run.name for compared, _ in tables]
    layout = rows_of_panels(data, ["count"] * len(tables), ROW_HEIGHT, names)
    return {"data": data, "layout": {**layout, "shapes": layout["shapes"] + shapes}} if data else None


def time_figure(comparison: Comparison) -> Figure | None:
    """Milliseconds of each stage, stacked, over time and by run; None where no run has a table of frames.

    The axis ends a little above the 98th percentile: the first frame, which loads everything, would flatten the rest.
    """
    data, top = [], 1.0
    tables = [(compared, table) for compared, table in _tables(comparison) if table.milliseconds and len(table)]
    for row, (_, table) in enumerate(tables, start=1):
        times = table.timestamps - comparison.start
        for stage, (name, ms) in enumerate(table.milliseconds.items()):
            colour = STAGE_COLOURS[stage % len(STAGE_COLOURS)]
            trace = time_trace(name, times, ms, "ms", {"color": colour, "width": 0.5}, row)
            data.append({**trace, "stackgroup": f"row {row}", "fillcolor": colour})
        top = max(top, 1.25 * float(np.percentile(np.sum(list(table.milliseconds.values()), axis=0), 98)))
    names = [compared.run.name for compared, _ in tables]
    layout = rows_of_panels(data, ["ms a frame"] * len(tables), ROW_HEIGHT, names)
    for row in range(1, len(tables) + 1):
        layout[axis_key("y", row)]["range"] = [0, round(top, 1)]
    return {"data": data, "layout": layout} if data else None


def _lines(comparison: Comparison) -> Iterator[Line]:
    """One run has its two trajectories in two colours; of several each has one colour, and online is dotted."""
    for number, compared in enumerate(comparison.runs):
        if len(comparison.runs) == 1:
            yield Line("online", compared.online, {"color": ONLINE, "width": 2})
            yield Line("after mapping", compared.final, {"color": FINAL, "width": 2})
        else:
            colour = RUN_COLOURS[number % len(RUN_COLOURS)]
            yield Line(f"{compared.run.name} online", compared.online, {"color": colour, "width": 1.3, "dash": "dot"})
            yield Line(compared.run.name, compared.final, {"color": colour, "width": 2})


def _paths(comparison: Comparison, world: Trajectory, projection: Projection, panel: int) -> list[dict[str, Any]]:
    """The traces of one view: runs, truth and where they begin; beside a truth only what could be moved onto it."""
    lines = [line for line in _lines(comparison) if comparison.reference is None or line.path.pair is not None]
    moved = [(line.label, line.path.moved, line.style) for line in lines]
    if comparison.reference is not None:
        moved.append(("truth", comparison.reference, {"color": TRUTH, "width": 1.5, "dash": "dash"}))
    begin = world.select(np.flatnonzero(world.located)[:1])
    traces = [
        path_trace(label, path.T_world_cam[:, :3, 3], path.timestamps - comparison.start, projection, panel, style)
        for label, path, style in [*moved, ("start", begin, {})]
    ]
    return [*traces[:-1], {**traces[-1], **START_MARK}]


def _equal_axes(projection: Projection, panel: int, unit: str, x_range: dict[str, Any]) -> dict[str, Any]:
    x, y = axis_id("x", panel), axis_id("y", panel)
    reverse = {"autorange": "reversed"} if projection.is_up_reversed else {}
    return {
        axis_key("x", panel): axis(
            f"{AXES[projection.right]} [{unit}]", domain=DOMAINS[panel - 1], anchor=y, **x_range
        ),
        axis_key("y", panel): axis(f"{AXES[projection.up]} [{unit}]", scaleanchor=x, scaleratio=1, anchor=x, **reverse),
    }


def _tables(comparison: Comparison) -> Iterator[tuple[ComparedRun, FrameTable]]:
    for compared in comparison.runs:
        if compared.run.frames is not None:
            yield compared, compared.run.frames


def _largest_error(comparison: Comparison) -> float:
    pairs = [line.path.pair for line in _lines(comparison)]
    return max((float(pair.errors.max()) for pair in pairs if pair is not None), default=0.0)


def _lost_stretches(table: FrameTable) -> Iterator[tuple[int, int]]:
    """First and last row of each stretch of lost frames."""
    edges = np.flatnonzero(np.diff(np.pad(table.states == TrackingState.LOST, 1).astype(int)))
    yield from ((int(first), int(end) - 1) for first, end in list(pairwise(edges))[::2])
