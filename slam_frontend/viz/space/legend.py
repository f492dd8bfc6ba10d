"""Words beside a scene: which colour is what, and which key does what."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from slam_frontend.optional import require
from slam_frontend.types import Array
from slam_frontend.viz.space.scene import FLOOR, by_age

Symbol = Literal["line", "dashed", "dot", "camera", "image", "age", "floor", "key", "title", "text", "more"]
ROW, MARGIN, SWATCH = 24, 12, 44  # pixels
KEY_WIDTH = 62
FONT = 13.0  # pixels
DPI = 100
INK = "#1A1A1A"


@dataclass(frozen=True)
class Entry:
    """One line of a legend."""

    symbol: Symbol
    text: str
    colour: str = INK
    key: str = ""  # what is printed on it


MOUSE = Entry("key", "drag: turn; with Ctrl: shift; wheel: zoom", key="Mouse")


def draw_legend(entries: list[Entry], width: int, columns: int = 1) -> Array:
    """(H,width,3) uint8 RGB, dark on white, filled column by column; what is too long takes several rows."""
    figures = require("matplotlib.figure", extra="viewer")
    backends = require("matplotlib.backends.backend_agg", extra="viewer")
    entries = _fitted(entries, (width - MARGIN) / columns - MARGIN)
    rows = -(-len(entries) // columns)
    height = rows * ROW + 2 * MARGIN
    figure = figures.Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    canvas = backends.FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for place, entry in enumerate(entries):
        column, row = divmod(place, rows)
        _draw(axes, entry, MARGIN + column * (width - MARGIN) / columns, MARGIN + (row + 0.5) * ROW)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def broken(text: str, room: float, measure: Callable[[str], float]) -> list[str]:
    """The lines of a text that fit into the room, as few as there can be; a word is broken only where it has to be."""
    for length in range(len(text), 1, -1):
        lines = textwrap.wrap(text, length)
        if all(measure(line) <= room for line in lines):
            return lines
    return [text]


def landmarks_entry(in_images: bool) -> Entry:
    """What the colours of landmarks mean."""
    if in_images:
        return Entry("image", "landmarks, as in the images")
    return Entry("age", "landmarks, from the first to the last")


def floor_entry(steps: list[float], is_metric: bool) -> Entry:
    """How far apart the lines of a floor are."""
    if not is_metric:
        return Entry("floor", "floor; the scale is unknown", FLOOR)
    lengths = [f"{step:g} m" if step >= 0.1 else f"{1000 * step:g} mm" for step in steps]
    return Entry("floor", f"floor, a line every {' / '.join(lengths)}", FLOOR)


def _fitted(entries: list[Entry], width: float) -> list[Entry]:
    """The entries with a new one, without a symbol, for each further line of what is wider than a column."""
    fonts = require("matplotlib.font_manager", extra="viewer")
    backends = require("matplotlib.backends.backend_agg", extra="viewer")
    renderer = backends.RendererAgg(1, 1, DPI)
    font = fonts.FontProperties(size=FONT * 72 / DPI)

    def measure(text: str) -> float:
        return float(renderer.get_text_width_height_descent(text, font, ismath=False)[0])

    fitted = []
    for entry in entries:
        is_bare = entry.symbol in ("title", "text")
        first, *others = broken(entry.text, width - (0 if is_bare else _indent(entry)), measure)
        fitted += [replace(entry, text=first), *(Entry("text" if is_bare else "more", line) for line in others)]
    return fitted


def _indent(entry: Entry) -> int:
    return KEY_WIDTH if entry.symbol == "key" else SWATCH


def _draw(axes: Any, entry: Entry, x: float, y: float) -> None:
    points = 72 / DPI  # matplotlib's unit of sizes, in a pixel
    after = x + _indent(entry)
    match entry.symbol:
        case "line":
            axes.plot([x, x + 32], [y, y], color=entry.colour, linewidth=4 * points, solid_capstyle="butt")
        case "dashed":
            axes.plot([x, x + 33], [y, y], color=entry.colour, linewidth=5 * points, dashes=(1.6, 1.6))
        case "dot":
            axes.plot([x + 16], [y], "o", color=entry.colour, markersize=10 * points, markeredgewidth=0)
        case "camera":
            axes.plot(
                x + np.array([4, 28, 28, 4]), y + np.array([0, -9, 9, 0]), color=entry.colour, linewidth=1.3 * points
            )
        case "image":
            _scatter(axes, ["#26331F", "#8C7359", "#4D668C", "#B3994D", "#993333"], x, y)
        case "age":
            _scatter(axes, by_age(5) / 255, x, y)
        case "floor":
            for place in (2, 16, 30):
                axes.plot([x + place, x + place], [y - 8, y + 8], color=entry.colour, linewidth=1.5 * points)
            for place in (-6, 6):
                axes.plot([x, x + 32], [y + place, y + place], color=entry.colour, linewidth=1.5 * points)
        case "key":
            box = {"boxstyle": "round,pad=0.28", "facecolor": "#F0F1F2", "edgecolor": FLOOR, "linewidth": points}
            centre = x + (KEY_WIDTH - 12) / 2
            axes.text(centre, y, entry.key, fontsize=11 * points, color=INK, va="center", ha="center", bbox=box)
        case "title" | "text":
            after = x
    weight = "bold" if entry.symbol == "title" else "normal"
    axes.text(after, y, entry.text, fontsize=FONT * points, color=INK, va="center", weight=weight, parse_math=False)


def _scatter(axes: Any, colours: Any, x: float, y: float) -> None:
    """Five points in five colours."""
    across, down = np.array([2, 9, 16, 23, 30]), np.array([3, -4, 2, -3, 4])
    axes.scatter(x + across, y + down, s=9, c=colours, marker="s", linewidths=0)
