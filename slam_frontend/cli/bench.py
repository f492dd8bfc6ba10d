"""``slam-frontend bench``: speed and accuracy on this machine, as a page of the documentation."""

import logging
import os
import platform
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.cli.benchmarks.clips import Tracked
    from slam_frontend.cli.benchmarks.extraction import Speeds
    from slam_frontend.config import ExtractorConfig
    from slam_frontend.evaluation.features import FeatureScores

logger = logging.getLogger(__name__)

SAMPLE = Path("sequences/sample")
PICTURE = "pictures/accuracy_speed.png"  # from the page
ORDER = ("Machine", "Accuracy against speed", "Clips", "Photographs", "Extraction", "Networks", "Start", "Memory")


class Part(StrEnum):
    """What can be measured."""

    SPEED = "speed"
    CLIPS = "clips"
    QUALITY = "quality"
    START = "start"
    MEMORY = "memory"


def bench(
    data: Annotated[Path, typer.Argument(help="The folder with sequences/tum, sequences/kitti and photos/val.tar.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/benchmarks.md"),
    features: Annotated[
        str | None, typer.Option(help="By commas, as superpoint-fast:int8; else all there are.")
    ] = None,
    only: Annotated[list[Part] | None, typer.Option(help="A part; the others stay as they were.")] = None,
    endurance: Annotated[int | None, typer.Option(min=1000, help="Also play a clip to and fro.")] = None,
    json: AsJson = False,
) -> None:
    """Measure speed, accuracy, start and memory; what has no data here stays on the page as it was."""
    from slam_frontend.cli.benchmarks.contenders import DEFAULT, find_contenders
    from slam_frontend.cli.benchmarks.page import read_sections, write_sections
    from slam_frontend.results import to_json

    with warnings_on_stderr():
        contenders, notes = find_contenders(features.split(",") if features else list(DEFAULT))
        sections = read_sections(out) | {"Machine": _machine()}
        measured, results = _measure(data, out, contenders, notes, set(only or Part))
        sections |= measured
        if endurance:
            sections |= _endurance(data, endurance)
        write_sections(out, {heading: sections[heading] for heading in [*ORDER, *sections] if heading in sections})
    print(to_json({"page": str(out), **results}) if json else f"results: {out}")


def _measure(
    data: Path, out: Path, contenders: "dict[str, ExtractorConfig]", notes: list[str], parts: set[Part]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The sections of the parts that were asked for and have data here, and the figures in them."""
    from slam_frontend.cli.benchmarks.clips import clips_section, track_clips
    from slam_frontend.cli.benchmarks.extraction import extraction_section, measure_speeds, networks_section
    from slam_frontend.cli.benchmarks.processes import memory_section, start_section
    from slam_frontend.cli.benchmarks.quality import measure_quality, quality_section

    sections = {}
    if Part.START in parts:
        sections["Start"] = start_section(SAMPLE)
    if Part.MEMORY in parts:
        sections["Memory"] = memory_section(data, SAMPLE)
    speeds = measure_speeds(data, contenders) if Part.SPEED in parts else None
    if speeds:
        sections |= {"Extraction": extraction_section(speeds, notes), "Networks": networks_section(speeds)}
    tracked = track_clips(data, contenders) if Part.CLIPS in parts else {}
    if tracked:
        sections["Clips"] = clips_section(tracked, notes)
    scores = measure_quality(data, contenders) if Part.QUALITY in parts else {}
    if scores:
        sections["Photographs"] = quality_section(scores)
    if speeds and (tracked or scores):
        sections["Accuracy against speed"] = _trade_off(out, speeds, tracked, scores)
    return sections, _results(speeds, tracked, scores, notes)


def _results(
    speeds: "Speeds | None",
    tracked: "dict[str, list[Tracked]]",
    scores: "dict[str, FeatureScores]",
    notes: list[str],
) -> dict[str, Any]:
    """Plain values, for JSON."""
    results: dict[str, Any] = {
        "notes": notes,
        "clips": [
            {"clip": row.clip.name, "features": spec, "milliseconds_a_frame": row.milliseconds, **row.summary.as_dict()}
            for spec, rows in tracked.items()
            for row in rows
        ],
        "photographs": [{"features": spec, **asdict(row)} for spec, row in scores.items()],
    }
    if speeds is not None:
        results["extraction"] = [
            {"size": size, "features": spec, **asdict(times)}
            for size, by_spec in speeds.extraction.items()
            for spec, times in by_spec.items()
        ]
        results["networks"] = [
            {"network": name, "runtime": runtime, "precision": precision, **asdict(times)}
            for (name, runtime, precision), times in speeds.networks.items()
        ]
    return results


def _trade_off(
    out: Path, speeds: "Speeds", tracked: "dict[str, list[Tracked]]", scores: "dict[str, FeatureScores]"
) -> str:
    from slam_frontend.cli.benchmarks.trade_off import draw_trade_off, find_choices, trade_off_section
    from slam_frontend.errors import MissingDependency

    choices = find_choices(speeds, tracked, scores)
    try:
        draw_trade_off(choices, out.parent / PICTURE)
    except MissingDependency as error:
        logger.warning("no picture: %s", error)
    return trade_off_section(choices, PICTURE)


def _endurance(data: Path, count: int) -> dict[str, str]:
    from slam_frontend.cli.benchmarks.clips import TUM
    from slam_frontend.cli.benchmarks.endurance import measure_endurance

    with progress_bar() as watch:
        return {"Endurance": measure_endurance(data / TUM, count, watch)}


def _machine() -> str:
    import cv2
    import numpy as np

    from slam_frontend import __version__

    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    processor = names[0].split(":")[1].strip() if names else platform.processor()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}"
    machine = f"{os.cpu_count()} cores of {processor}; slam-frontend {__version__}, {versions}."
    return f"{machine} Load average when it began: {os.getloadavg()[0]:.1f}. Repeat with `make bench`."
