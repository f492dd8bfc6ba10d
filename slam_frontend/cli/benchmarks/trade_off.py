"""Accuracy against speed: the table and the picture to choose features by."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.cli.benchmarks.clips import Tracked
from slam_frontend.cli.benchmarks.extraction import SIZE, Speeds
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.evaluation.features import FeatureScores
from slam_frontend.files import write_atomically
from slam_frontend.optional import require

# Okabe and Ito's colours, told apart with any kind of sight: one for what is classical, one for each network.
COLOURS = {"superpoint-fast": "#0072B2", "superpoint": "#D55E00"}
CLASSICAL = "#555555"
MARKERS = {"int8": "s", "float": "o", "half": "o"}
FRAME_MS = 1000 / 30  # of a usual camera


@dataclass(frozen=True)
class Choice:
    """One extractor: what it costs and what it brings; None where that wasn't measured."""

    spec: str
    milliseconds: float  # an image, extraction only
    ate_percent: float | None  # geometric mean over the clips that gave one
    num_tracked: int  # clips that gave one
    num_clips: int
    homography: float | None  # share of pairs whose corners are right within 3 pixels
    repeatability: float | None


def find_choices(speeds: Speeds, tracked: dict[str, list[Tracked]], scores: dict[str, FeatureScores]) -> list[Choice]:
    """All that was measured of each extractor, the fastest first."""
    choices = []
    for spec, times in speeds.extraction[SIZE].items():
        clips = tracked.get(spec, [])
        errors = [error for clip in clips if (error := clip.ate_percent) is not None]
        ate = float(np.exp(np.mean(np.log(errors)))) if errors else None
        score = scores.get(spec)
        quality = (score.homography_3px, score.repeatability) if score else (None, None)
        choices.append(Choice(spec, times.wall, ate, len(errors), len(clips), *quality))
    return sorted(choices, key=lambda choice: choice.milliseconds)


def trade_off_section(choices: list[Choice], picture: str) -> str:
    """The choices as a table below the picture at a path relative to the page."""
    headings = ["features", f"ms an image of {SIZE}", "ATE, % of the path", "clips", "hom. 3 px", "rep."]
    rows = [
        [
            choice.spec,
            f"{choice.milliseconds:.1f}",
            "-" if choice.ate_percent is None else f"{choice.ate_percent:.2f}",
            f"{choice.num_tracked}/{choice.num_clips}",
            "-" if choice.homography is None else f"{choice.homography:.3f}",
            "-" if choice.repeatability is None else f"{choice.repeatability:.3f}",
        ]
        for choice in choices
    ]
    legend = (
        "ATE: of the poses as known at their frames, geometric mean over the clips below that could be tracked. "
        "Homography: share of photographs' warps found within 3 pixels at the corners."
    )
    return "\n".join([f"![Accuracy against speed]({picture})", "", table(headings, rows), "", legend])


def draw_trade_off(choices: list[Choice], path: Path) -> None:
    """The picture: error of the trajectory and share of right homographies over milliseconds."""
    figures = require("matplotlib.figure", extra="viewer")
    figure = figures.Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_panel(left, "ATE, % of the path (less is better)", choices, [choice.ate_percent for choice in choices])
    shares = [None if choice.homography is None else 100 * choice.homography for choice in choices]
    _draw_panel(right, "homographies within 3 px, % (more is better)", choices, shares)
    data = BytesIO()
    figure.savefig(data, format="png", dpi=120)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data.getvalue())


def _draw_panel(panel: Any, label: str, choices: list[Choice], heights: list[float | None]) -> None:
    known = [(choice, height) for choice, height in zip(choices, heights, strict=True) if height is not None]
    panel.set(xscale="log", xlabel=f"ms to extract the features of a {SIZE} image", ylabel=label)
    if not known:
        panel.text(0.5, 0.5, "not measured", ha="center", transform=panel.transAxes)
        return
    for row, (choice, height) in enumerate(known):
        name, _, precision = choice.spec.partition(":")
        colour = COLOURS.get(name, CLASSICAL)
        panel.plot(choice.milliseconds, height, MARKERS.get(precision, "^"), color=colour, markersize=9)
        missing = choice.num_clips - choice.num_tracked
        text = choice.spec + (f"\n({missing} clips not tracked)" if missing and panel is not None else "")
        up = row % 2 == 0
        panel.annotate(
            text,
            (choice.milliseconds, height),
            xytext=(0, 9 if up else -9),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            color=colour,
            fontsize=9,
        )
    panel.axvline(FRAME_MS, color="#999999", linewidth=1, linestyle="--", label="30 images a second")
    panel.legend(loc="best", fontsize=8)
    panel.grid(alpha=0.3, which="both")
    panel.margins(x=0.15, y=0.2)
