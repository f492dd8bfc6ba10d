"""Lines, axes and panels in Plotly's JSON."""

from html import escape
from typing import Any

import numpy as np

from slam_frontend.types import Array
from slam_frontend.viz.directions import Projection
from slam_frontend.viz.palette import TRUTH
from slam_frontend.viz.plots import with_gaps

Figure = dict[str, Any]  # {"data": [...], "layout": {...}}

GRID, FRAME, LOST = "#e3e6ea", "#8c959f", "rgba(213, 94, 0, 0.15)"
FONT = {"family": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif", "size": 13, "color": "#24292f"}
LEGEND_ROW, LEGEND_WIDTH = 30, 1080  # pixels; of a page that is as wide as it gets
LEGEND_SYMBOL, LEGEND_LETTER = 48, 7  # pixels of an entry, gaps included
START_MARK = {"mode": "markers", "marker": {"color": TRUTH, "size": 9}}
KEYFRAME_MARK = {
    "mode": "markers",
    "marker": {"color": TRUTH, "size": 9, "symbol": "line-ns-open", "line": {"width": 1.2}},
    "hovertemplate": "keyframe<extra></extra>",
}


def path_trace(
    label: str, positions: Array, times: Array, projection: Projection, panel: int, style: dict[str, Any]
) -> dict[str, Any]:
    """A path (N,3) on a sheet."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _as_text(label),
        "legendgroup": label,
        "showlegend": panel == 1,
        "x": _numbers(positions[:, projection.right]),
        "y": _numbers(positions[:, projection.up]),
        "customdata": _numbers(times, 3),
        "hovertemplate": "%{x:.3f}, %{y:.3f} at %{customdata:.2f} s",
        "line": style,
        "xaxis": axis_id("x", panel),
        "yaxis": axis_id("y", panel),
    }


def time_trace(
    label: str, times: Array, values: Array, unit: str, style: dict[str, Any], row: int = 1
) -> dict[str, Any]:
    """Values (N,) over time in a row of panels, with gaps where frames are missing."""
    seconds, numbers = with_gaps(times, values.astype(float))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _as_text(label),
        "legendgroup": label,
        "showlegend": row == 1,
        "x": _numbers(seconds),
        "y": _numbers(numbers),
        "yaxis": axis_id("y", row),
        "line": style,
        "hovertemplate": f"%{{y:.4~g}} {unit}",
    }


def lost_band(first: float, last: float, row: int) -> dict[str, Any]:
    """A shade behind the lines of a row, where the camera was lost."""
    place = {"xref": "x", "yref": f"{axis_id('y', row)} domain", "x0": first, "x1": last, "y0": 0, "y1": 1}
    return {"type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": LOST, **place}


def heading(text: str, x: float, y: float = 1.0) -> dict[str, Any]:
    """A line in bold above the left end of a panel."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": f"<b>{_as_text(text)}</b>", "showarrow": False, **place}


def axis_id(letter: str, number: int) -> str:
    """How a trace names the axis of a panel, the first being 1."""
    return letter if number == 1 else f"{letter}{number}"


def axis_key(letter: str, number: int) -> str:
    """How the layout names the axis of a panel."""
    return f"{letter}axis" if number == 1 else f"{letter}axis{number}"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """A framed axis with a light grid."""
    look = {"gridcolor": GRID, "zeroline": False, "showline": True, "linecolor": FRAME, "mirror": True}
    return {"title": {"text": title}, "ticks": "outside", "automargin": True, **look, **more}


def sheet(height: int, **more: Any) -> dict[str, Any]:
    """The layout that all figures share; the legend lies on top."""
    return {
        "height": height,
        "margin": {"l": 64, "r": 44, "t": 56, "b": 48},
        "font": FONT,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "x unified",
        "modebar": {"orientation": "v"},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "top", "yref": "container"},
        **more,
    }


def with_room_for_legend(figure: Figure) -> Figure:
    """The figure, higher by the rows that its legend takes beyond the first: the panels keep their size."""
    rows, filled = 0, 0
    for trace in figure["data"]:
        if trace["showlegend"]:
            width = LEGEND_SYMBOL + LEGEND_LETTER * len(trace["name"])
            rows, filled = (rows, filled + width) if filled + width <= LEGEND_WIDTH else (rows + 1, width)
    layout = figure["layout"]
    more = LEGEND_ROW * rows
    margin = {**layout["margin"], "t": layout["margin"]["t"] + more}
    return {**figure, "layout": {**layout, "height": layout["height"] + more, "margin": margin}}


def padded_range(traces: list[dict[str, Any]]) -> dict[str, Any]:
    """Of an x axis, from the first to the last point and a little more: Plotly ends it where the lines do."""
    numbers = [x for trace in traces for x in trace["x"] if x is not None]
    margin = 0.03 * (max(numbers) - min(numbers)) if numbers else 0.0
    return {"range": [min(numbers) - margin, max(numbers) + margin]} if margin > 0 else {}


def time_axis(traces: list[dict[str, Any]], anchor: str = "y") -> dict[str, Any]:
    """From the start to the last point of all traces, with room for a mark at either end."""
    end = max((x for trace in traces for x in trace["x"] if x is not None), default=1.0)
    return axis("time [s]", range=[-0.01 * end, 1.01 * end], anchor=anchor)


def rows_of_panels(
    traces: list[dict[str, Any]], titles: list[str], row_height: int, headings: list[str] | None = None
) -> dict[str, Any]:
    """The layout of panels one below the other, on one time axis."""
    count = max(len(titles), 1)
    layout = sheet(104 + count * row_height)
    gap = (24 if headings else 12) / (count * row_height)
    for number, title in enumerate(titles, start=1):
        top = 1 - (number - 1) / count
        layout[axis_key("y", number)] = axis(title, domain=[top - 1 / count + gap * (number < count), top], anchor="x")
    layout["xaxis"] = time_axis(traces, axis_id("y", count))
    layout["shapes"] = [_frame(number) for number in range(1, count)]  # the last one has the axis around it
    if headings and count > 1:
        layout["annotations"] = [heading(name, 0.0, 1 - row / count) for row, name in enumerate(headings)]
    return layout


def _frame(row: int) -> dict[str, Any]:
    place = {"xref": "paper", "yref": f"{axis_id('y', row)} domain", "x0": 0, "x1": 1, "y0": 0, "y1": 1}
    return {"type": "rect", "line": {"width": 1, "color": FRAME}, **place}


def _as_text(label: str) -> str:
    """What Plotly writes as it is: it takes tags and entities in a name for markup."""
    return escape(label, quote=False)


def _numbers(values: Array, decimals: int = 6) -> list[float | None]:
    """Plain numbers; null leaves a gap in a line."""
    return [round(value, decimals) if np.isfinite(value) else None for value in np.asarray(values, float).tolist()]
