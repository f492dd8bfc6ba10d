"""Accuracy against speed: the table and the picture to choose features by."""

from dataclasses import dataclass, replace
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
from slam_frontend.viz.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION

# A network's precisions share one.
COLOURS = {"superpoint-fast": BLUE, "superpoint": VERMILION, "orb": GREEN, "sift": PURPLE, "fast": ORANGE}
OTHER = BLACK
MARKERS = {"int8": "s", "float": "o", "half": "D"}
NO_NETWORK = "^"
TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]  # milliseconds
FRAME_MS = 1000 / 30  # of a usual camera


@dataclass(frozen=True)
class Choice:
    """One extractor: what it costs and what it brings; None where that wasn't measured."""

    spec: str
    milliseconds: float = np.inf  # an image, extraction only; infinite where that wasn't measured
    ate_percent: float | None = None  # geometric mean over the clips that gave one
    num_tracked: int = 0  # clips that gave one
    num_clips: int = 0
    homography: float | None = None  # share of pairs whose corners are right within 3 pixels
    repeatability: float | None = None


def find_choices(
    speeds: Speeds | None, tracked: dict[str, list[Tracked]], scores: dict[str, FeatureScores], earlier: list[Choice]
) -> list[Choice]:
    """All that was measured of each extractor now, else earlier, the fastest first; none without its speed."""
    choices = {choice.spec: choice for choice in earlier}
    times = speeds.extraction[SIZE] if speeds else {}
    for spec in [*times, *tracked, *scores]:
        choice = choices.get(spec, Choice(spec))
        if spec in times:
            choice = replace(choice, milliseconds=times[spec].wall)
        if spec in tracked:
            errors = [error for clip in tracked[spec] if (error := clip.ate_percent) is not None]
            ate = float(np.exp(np.mean(np.log(errors)))) if errors else None
            choice = replace(choice, ate_percent=ate, num_tracked=len(errors), num_clips=len(tracked[spec]))
        if spec in scores:
            score = scores[spec]
            choice = replace(choice, homography=score.homography_3px, repeatability=score.repeatability)
        choices[spec] = choice
    timed = [choice for choice in choices.values() if np.isfinite(choice.milliseconds)]
    return sorted(timed, key=lambda choice: choice.milliseconds)


def read_choices(section: str) -> list[Choice]:
    """What ``trade_off_section`` wrote."""
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    choices = []
    for spec, milliseconds, ate, clips, homography, repeatability in rows:
        numbers = [None if cell == "-" else float(cell) for cell in (ate, homography, repeatability)]
        tracked, count = map(int, clips.split("/"))
        choices.append(Choice(spec, float(milliseconds), numbers[0], tracked, count, *numbers[1:]))
    return choices


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
        "ATE: of the poses as known at their frames, geometric mean of the draws over the clips below that could be "
        "tracked. Homography: share of photographs' warps found within 3 pixels at the corners."
    )
    return "\n".join([f"![Accuracy against speed]({picture})", "", table(headings, rows), "", legend])


def draw_trade_off(choices: list[Choice], path: Path) -> None:
    """The picture: error of the trajectory and share of right homographies over milliseconds."""
    figures = require("matplotlib.figure", extra="viewer")
    figure = figures.Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_panel(left, "ATE, % of the path (less is better)", choices, [choice.ate_percent for choice in choices])
    left.set_ylim(0, 1.2 * max((choice.ate_percent for choice in choices if choice.ate_percent), default=1))
    shares = [None if choice.homography is None else 100 * choice.homography for choice in choices]
    _draw_panel(right, "homographies within 3 px, % (more is better)", choices, shares)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    data = BytesIO()
    figure.savefig(data, format="png", dpi=120)
    write_atomically(path, data.getvalue())


def _draw_panel(panel: Any, label: str, choices: list[Choice], heights: list[float | None]) -> None:
    panel.set(xscale="log", xlabel=f"ms to extract the features of a {SIZE} image", ylabel=label)
    for choice, height in zip(choices, heights, strict=True):
        name, _, precision = choice.spec.partition(":")
        style = {"color": COLOURS.get(name, OTHER), "marker": MARKERS.get(precision, NO_NETWORK), "markersize": 10}
        missing = choice.num_clips - choice.num_tracked
        text = f"{choice.spec}, {missing} of {choice.num_clips} clips not tracked" if missing else choice.spec
        panel.plot(choice.milliseconds, np.nan if height is None else height, linestyle="", label=text, **style)
    if all(height is None for height in heights):
        panel.text(0.5, 0.5, "not measured", ha="center", transform=panel.transAxes)
    panel.axvline(FRAME_MS, color="#999999", linewidth=1, linestyle="--", label="30 images a second")
    panel.margins(x=0.1, y=0.15)
    low, high = panel.get_xlim()
    panel.set_xticks([tick for tick in TICKS if low <= tick <= high])
    panel.xaxis.set_major_formatter("{x:.0f}")
    panel.minorticks_off()
    panel.grid(alpha=0.3)
