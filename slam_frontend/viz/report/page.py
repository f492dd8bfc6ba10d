"""A page about one run or several: one HTML file that holds everything it shows."""

import json
from collections.abc import Sequence
from html import escape

from slam_frontend import __version__
from slam_frontend.evaluation.comparison import Comparison, compare_runs
from slam_frontend.optional import require
from slam_frontend.run_folder import RunFolder
from slam_frontend.viz.palette import GREEN, ORANGE, SKY
from slam_frontend.viz.report.charts import Figure, with_room_for_legend
from slam_frontend.viz.report.figures import (
    axis_error_figure,
    error_figure,
    landmark_figure,
    time_figure,
    trajectory_figure,
)
from slam_frontend.viz.report.frames import gallery
from slam_frontend.viz.report.style import SCRIPT, STYLE
from slam_frontend.viz.report.tables import metrics_tables, settings_table
from slam_frontend.watch import Watch

RESULTS = "Errors are those of the trajectory after mapping where nothing else is said."
ANEW = "A map that was begun anew has a world of its own: errors and paths are those of the longest one."
ERRORS = "Online is each pose as it was known at its frame, after mapping the same pose at the end of the run."
ALONG = (
    "Estimate minus truth along the truth's axes, and the angle between the two orientations. "
    "A straight path leaves the alignment free to turn about it."
)
LANDMARKS = (
    "A landmark is found where a keypoint looks like it and agrees with the pose. "
    "The camera is lost when too few are found; such stretches are shaded."
)
TIMES = (
    "Stages stacked on each other; the next frame is extracted while this one is tracked, so frames come faster than "
    "the sum says. The axis ends above the 98th percentile: hover for the value of a peak."
)
FRAMES = (
    f'<i class="key" style="border-color:{GREEN}"></i> keypoint on a landmark, '
    f'<i class="key" style="border-color:{ORANGE}"></i> where it was seen in the frames before, '
    f'<i class="key" style="border-color:{SKY}"></i> other keypoint. The worst frames come first: those with the '
    "fewest landmarks or the largest errors of the ones that were drawn."
)


WAYS = {"se3": "a rotation and a translation", "sim3": "a rotation, a translation and a scale"}
FEW = 6  # frames of each run, where there are several


def report_page(runs: Sequence[RunFolder], watch: Watch) -> str:
    """The HTML of the page; it needs no network. MissingDependency where Plotly is not installed."""
    plotly = require("plotly.offline", extra="viewer").get_plotlyjs()
    comparisons = compare_runs(list(runs))
    figures: list[Figure] = []
    parts = []
    for number, comparison in enumerate(comparisons):
        watch("report", number, len(comparisons))
        parts.append(f"<h1>{escape(_heading(comparison))}</h1>")
        parts += _comparison(comparison, figures)
    watch("report", len(comparisons), len(comparisons))
    title = " · ".join(run.name for run in runs)
    return _document(title, "".join(parts), figures, plotly)


def _comparison(comparison: Comparison, figures: list[Figure]) -> list[str]:
    """The sections about runs of one recording; their figures are appended."""

    def drawn(heading: str, note: str, figure: Figure | None) -> str:
        if figure is None:
            return ""
        figures.append(with_room_for_legend(figure))
        return _section(heading, note, f'<div data-figure="figure-{len(figures)}"></div>')

    runs = [compared.run for compared in comparison.runs]
    return [
        _missing(runs),
        _section("Results", _about_results(runs), metrics_tables(comparison)),
        drawn("Path", _about_alignment(comparison), trajectory_figure(comparison)),
        drawn("Error over time", ERRORS, error_figure(comparison)),
        drawn("Error along each axis", ALONG, axis_error_figure(comparison)),
        drawn("Keypoints and landmarks", LANDMARKS, landmark_figure(comparison)),
        drawn("Time by stage", TIMES, time_figure(comparison)),
        _frames(comparison),
        _settings(runs),
    ]


def _heading(comparison: Comparison) -> str:
    runs = [compared.run for compared in comparison.runs]
    names = ", ".join(run.name for run in runs)
    recording = next((run.recording for run in runs if run.recording), None)
    return f"{recording}: {names}" if recording else names


def _about_alignment(comparison: Comparison) -> str:
    """What was moved onto what, so that nobody takes an aligned path for a raw one."""
    if comparison.reference is not None:
        kinds = {compared.alignment for compared in comparison.runs if compared.final.pair is not None}
        if not kinds:
            return "Only the truth: too few poses have one to be moved onto it. Equal scales on both axes."
        rigid = (
            "a rotation and a translation, with a scale for one camera alone" if len(kinds) > 1 else WAYS[kinds.pop()]
        )
        left_out = ", ".join(compared.run.name for compared in comparison.runs if compared.final.pair is None)
        without = f" Without {escape(left_out)}: too few poses have a truth." if left_out else ""
        return f"Moved onto the truth by {rigid}, as the errors are.{without} Equal scales on both axes."
    scale = "" if comparison.is_metric else " One camera alone knows no scale."
    if len(comparison.runs) > 1:
        return f"No truth is known: the runs are moved onto the first one.{scale} Equal scales on both axes."
    return f"No truth is known: the path is in the coordinates of the first camera.{scale} Equal scales on both axes."


def _about_results(runs: list[RunFolder]) -> str:
    notes = [ANEW] if any(len(run.metrics.get("located_by_segment") or []) > 1 for run in runs) else []
    reasons = dict.fromkeys(reason for run in runs if (reason := run.metrics.get("without_metrics")))
    if any(run.metrics.get("final") for run in runs):
        notes.append(RESULTS)
    elif reasons:
        notes.append(f"No errors: {escape('; '.join(reasons))}")
    return " ".join(notes)


def _missing(runs: list[RunFolder]) -> str:
    sentences = [sentence for run in runs for sentence in run.missing]
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return (
        f'<section class="missing">What this page can\'t show, because a run did not keep it:<ul>{items}</ul></section>'
    )


def _frames(comparison: Comparison) -> str:
    """The drawn frames, under the name of their run where there are several."""
    several = len(comparison.runs) > 1
    parts = [
        f"<h3>{escape(compared.run.name)}</h3>{gallery(compared, FEW)}" if several else gallery(compared)
        for compared in comparison.runs
        if compared.run.pictures
    ]
    return _section("Frames", FRAMES, "".join(parts)) if parts else ""


def _settings(runs: list[RunFolder]) -> str:
    everything = settings_table(runs, only_differences=False)
    if not everything:
        return ""
    differences = settings_table(runs, only_differences=True) if len(runs) > 1 else ""
    note = "What differs between the runs:" if differences else ""
    return _section("Settings", note, f"{differences}<details><summary>all settings</summary>{everything}</details>")


def _section(heading: str, note: str, body: str) -> str:
    told = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{escape(heading)}</h2>{told}{body}</section>"


def _document(title: str, body: str, figures: list[Figure], plotly: str) -> str:
    carried = "".join(
        f'<script type="application/json" id="figure-{number}">{_as_json(figure)}</script>\n'
        for number, figure in enumerate(figures, start=1)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<noscript>The figures of this page are drawn by a script that it carries; this browser runs none.</noscript>
{body}
<footer>slam-frontend {__version__}</footer>
</main>
{carried}<script>{plotly}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _as_json(figure: Figure) -> str:
    """JSON that can stand inside a script element, whatever a run is called."""
    return json.dumps(figure, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
