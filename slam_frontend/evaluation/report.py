"""Scores as a JSON file and as a figure."""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from slam_frontend.files import to_json, write_atomically
from slam_frontend.optional import require


def write_json(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any], path: Path) -> None:
    """Rows under ``scores``, beside what they were measured with; NaN becomes null."""
    write_atomically(path, to_json({**about, "scores": [dict(row) for row in rows]}) + "\n")


def draw_bars(labels: Sequence[str], columns: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    """One panel of bars for every column, one bar for every label."""
    matplotlib = require("matplotlib.figure", extra="viewer")
    per_row = min(4, len(columns))
    num_rows = math.ceil(len(columns) / per_row)
    height = 0.6 + num_rows * (0.9 + 0.28 * len(labels))
    figure = matplotlib.Figure(figsize=(3.2 * per_row + 1, height))
    panels = figure.subplots(num_rows, per_row, squeeze=False, sharey=True)
    for panel, (name, values) in zip(panels.flat, columns.items(), strict=False):
        bars = panel.barh(range(len(labels)), [0 if math.isnan(value) else value for value in values])
        panel.bar_label(bars, ["–" if math.isnan(value) else f"{value:.3f}" for value in values], padding=2, fontsize=8)
        panel.set_title(name, fontsize=9)
        panel.set_xlim(0, 1.25 * max([value for value in values if not math.isnan(value)], default=1) or 1)
        panel.set_yticks(range(len(labels)), labels, parse_math=False)
    for panel in panels.flat[len(columns) :]:
        panel.set_visible(False)
    panels[0, 0].invert_yaxis()  # the first label on top, in all panels: they share the axis
    figure.suptitle(title, parse_math=False)  # a path, which may hold dollars
    figure.tight_layout()
    data = BytesIO()
    figure.savefig(data, format="png", dpi=120)
    write_atomically(path, data.getvalue())
