"""Sheets of pictures with captions and a legend, as PNG files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from slam_frontend.optional import require
from slam_frontend.types import Array

WIDTH_INCHES = 15.0  # of every sheet, so that text keeps its size beside the pictures
PLEASANT = 2.0  # width over height that a sheet should have
DARKEST = -130  # what a grey picture would have to hold to be shown black


@dataclass(frozen=True)
class Sheet:
    """Panels of one size in rows and columns; indices count rows first."""

    figure: Any
    panels: list[Any]
    width: int  # pixels

    def to_png(self) -> bytes:
        """The sheet as a file."""
        data = BytesIO()
        self.figure.savefig(data, format="png", dpi=self.width / WIDTH_INCHES)
        return data.getvalue()


def new_sheet(
    title: str, columns: int, rows: int, aspect: float, width: int, above: float = 0.5, below: float = 1.0
) -> Sheet:
    """An empty sheet, ``width`` pixels wide, of panels whose pictures are ``aspect`` times as wide as high; inches are
    kept ``above`` each for text, and ``below`` all for what explains them. MissingDependency without matplotlib."""
    figures = require("matplotlib.figure", extra="viewer")
    panel_height = WIDTH_INCHES / columns / aspect + above
    figure = figures.Figure(figsize=(WIDTH_INCHES, rows * panel_height + below), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.01)
    figure.suptitle(title, fontsize=13, parse_math=False)  # of files, whose names may hold dollars
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in panels:
        panel.set_axis_off()
    return Sheet(figure, panels, width)


def best_grid(count: int, aspects: Sequence[float]) -> tuple[int, int]:
    """Which of the ways to lay out a panel, each with its aspect, and how many columns bring ``count`` of them nearest
    to a pleasant sheet without gaps."""
    ways = [(way, columns) for way in range(len(aspects)) for columns in range(1, count + 1)]

    def badness(choice: tuple[int, int]) -> float:
        way, columns = choice
        rows = math.ceil(count / columns)
        empty = 1 - count / (rows * columns)
        return abs(math.log(aspects[way] * columns / rows / PLEASANT)) + 2 * empty

    return min(ways, key=badness)


def show_picture(panel: Any, image: Array, name: str, caption: str = "", **look: Any) -> None:
    """A picture in its pixels' coordinates, with a name in bold and a caption above; a grey one is (H,W) uint8 and
    shown light, for colours to stand out on it."""
    height, width = image.shape[:2]
    style = {"cmap": "gray", "vmin": DARKEST, "vmax": 255, **look} if image.ndim == 2 else look
    panel.imshow(image, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="antialiased", **style)
    panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    lines = len(caption.splitlines())
    panel.set_title(name, loc="left", fontsize=11, fontweight="bold", pad=5 + 14 * lines, parse_math=False)
    text = panel.annotate(caption, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=9.5)
    text.set_in_layout(False)  # a caption too long for its panel must not squeeze the picture
