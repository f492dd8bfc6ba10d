"""``slam-frontend bench``: speed and accuracy on this machine, as a page of the documentation."""

import logging
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson
from slam_frontend.cli.progress import progress_bar
from slam_frontend.errors import SequenceError

if TYPE_CHECKING:
    from slam_frontend.cli.benchmarks.clips import Tracked
    from slam_frontend.cli.benchmarks.conditions import Endured
    from slam_frontend.cli.benchmarks.extraction import Speeds
    from slam_frontend.cli.benchmarks.stages import Stages
    from slam_frontend.cli.benchmarks.walks import Walked
    from slam_frontend.config import ExtractorConfig
    from slam_frontend.evaluation.features import FeatureScores

logger = logging.getLogger(__name__)

SAMPLE = Path("sequences/sample")
PICTURE = "pictures/accuracy_speed.png"  # from the page
TRADE_OFF = "Accuracy against speed"
STAGES = "Everything but extraction"
WALKS = "Rendered walks"
CONDITIONS = "Worse images"
ORDER = (
    "Machine",
    TRADE_OFF,
    "Clips",
    CONDITIONS,
    WALKS,
    "Photographs",
    "Extraction",
    STAGES,
    "Networks",
    "Start",
    "Memory",
)


class Part(StrEnum):
    """What can be measured."""

    SPEED = "speed"
    STAGES = "stages"
    CLIPS = "clips"
    CONDITIONS = "conditions"
    WALKS = "walks"
    QUALITY = "quality"
    START = "start"
    MEMORY = "memory"


NEED_NO_DATA = {Part.START, Part.WALKS}


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
    """Measure speed, accuracy, start and memory; what has no data here stays on the page as it was.

    Each part goes onto the page as soon as it is measured.
    """
    from slam_frontend.cli.benchmarks.contenders import DEFAULT, find_contenders
    from slam_frontend.cli.benchmarks.page import read_sections, write_sections
    from slam_frontend.files import to_json

    with warnings_on_stderr():
        contenders, notes = find_contenders(
            [spec.strip() for spec in features.split(",")] if features else list(DEFAULT)
        )
        measured = _Measured(notes)
        sections, machine, parts = read_sections(out), _machine(), set(only or Part)
        _look_for(data, parts)
        for part in _measure(data, contenders, parts, endurance, measured):
            sections |= {"Machine": machine, **part} if part else {}
            if measured.has_choices:
                sections |= _trade_off(out, measured, sections.get(TRADE_OFF, ""))
            write_sections(out, {heading: sections[heading] for heading in [*ORDER, *sections] if heading in sections})
    print(to_json({"page": str(out), **_results(measured)}) if json else f"results: {out}")


@dataclass
class _Measured:
    """The figures behind the page, as far as they were measured this time."""

    notes: list[str]
    speeds: "Speeds | None" = None
    tracked: "dict[str, list[Tracked]]" = field(default_factory=dict)
    endured: "list[Endured]" = field(default_factory=list)
    walked: "list[Walked]" = field(default_factory=list)
    scores: "dict[str, FeatureScores]" = field(default_factory=dict)
    stages: "dict[str, Stages]" = field(default_factory=dict)
    start: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, float | None]] = field(default_factory=dict)

    @property
    def has_choices(self) -> bool:
        """Whether anything tells of an extractor's speed or accuracy."""
        return bool(self.speeds or self.tracked or self.scores)


def _look_for(data: Path, parts: set[Part]) -> None:
    """SequenceError where there is no such folder, a warning where it holds nothing that the parts would read."""
    from slam_frontend.cli.benchmarks.clips import CLIPS
    from slam_frontend.cli.benchmarks.quality import PHOTOS

    places = [*dict.fromkeys(clip.path for clip in CLIPS), PHOTOS]
    if not data.is_dir():
        raise SequenceError(f"{data}: is no folder; expected one with any of {', '.join(places)}")
    if parts - NEED_NO_DATA and not any((data / place).exists() for place in places):
        logger.warning("%s: found none of %s; only what needs no data is measured", data, ", ".join(places))


def _measure(
    data: Path, contenders: "dict[str, ExtractorConfig]", parts: set[Part], endurance: int | None, measured: _Measured
) -> Iterator[dict[str, str]]:
    """The sections of the parts that were asked for and have data here, as they are ready; first none at all."""
    from slam_frontend.cli.benchmarks.clips import clips_section, track_clips
    from slam_frontend.cli.benchmarks.conditions import conditions_section, track_conditions
    from slam_frontend.cli.benchmarks.extraction import extraction_section, measure_speeds, networks_section
    from slam_frontend.cli.benchmarks.processes import measure_memory, measure_start, memory_section, start_section
    from slam_frontend.cli.benchmarks.quality import measure_quality, quality_section
    from slam_frontend.cli.benchmarks.stages import measure_stages, stages_section
    from slam_frontend.cli.benchmarks.walks import track_walks, walks_section

    yield {}
    if Part.START in parts:
        measured.start = measure_start(SAMPLE)
        yield {"Start": start_section(measured.start)}
    if Part.MEMORY in parts:
        measured.memory = measure_memory(data, SAMPLE)
        yield {"Memory": memory_section(measured.memory)}
    if Part.SPEED in parts:
        measured.speeds = speeds = measure_speeds(data, contenders)
        yield {"Extraction": extraction_section(speeds, measured.notes), "Networks": networks_section(speeds)}
    if Part.STAGES in parts and (stages := measure_stages(data, contenders)):
        measured.stages = stages
        yield {STAGES: stages_section(stages)}
    if Part.CLIPS in parts and (tracked := track_clips(data, contenders)):
        measured.tracked = tracked
        yield {"Clips": clips_section(tracked, measured.notes)}
    if Part.CONDITIONS in parts and (endured := track_conditions(data, contenders)):
        measured.endured = endured
        yield {CONDITIONS: conditions_section(endured)}
    if Part.WALKS in parts:
        measured.walked = track_walks(contenders)
        yield {WALKS: walks_section(measured.walked)}
    if Part.QUALITY in parts and (scores := measure_quality(data, contenders)):
        measured.scores = scores
        yield {"Photographs": quality_section(scores)}
    if endurance:
        yield _endurance(data, endurance)


def _results(measured: _Measured) -> dict[str, Any]:
    """Plain values, for JSON."""
    speeds, tracked, scores = measured.speeds, measured.tracked, measured.scores
    results: dict[str, Any] = {
        "notes": measured.notes,
        "clips": [
            {
                "clip": row.clip.name,
                "features": spec,
                "milliseconds_a_frame": row.milliseconds,
                "ate_of_draws": [draw.ate.rmse for draw in row.draws],
                "starts": asdict(row.starts) if row.starts else None,
                **row.summary.as_dict(),
            }
            for spec, rows in tracked.items()
            for row in rows
        ],
        "conditions": [
            {"images": row.condition, "features": row.spec, "starts": asdict(row.starts), **row.summary.as_dict()}
            for row in measured.endured
        ],
        "walks": [
            {
                "walk": row.walk,
                "features": row.spec,
                "ate_of_draws": [draw.ate.rmse for draw in row.draws],
                **row.summary.as_dict(),
            }
            for row in measured.walked
        ],
        "photographs": [{"features": spec, **asdict(row)} for spec, row in scores.items()],
        "stages": [{"features": spec, **asdict(row)} for spec, row in measured.stages.items()],
        "start": [{"of": name.replace("`", ""), "seconds": taken} for name, taken in measured.start.items()],
        "memory": [{"run": name, "megabytes": peaks} for name, peaks in measured.memory.items()],
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


def _trade_off(out: Path, measured: _Measured, earlier: str) -> dict[str, str]:
    from slam_frontend.cli.benchmarks.trade_off import draw_trade_off, find_choices, read_choices, trade_off_section
    from slam_frontend.errors import MissingDependency

    choices = find_choices(measured.speeds, measured.tracked, measured.scores, read_choices(earlier))
    if not choices:
        return {}
    try:
        draw_trade_off(choices, out.parent / PICTURE)
    except MissingDependency as error:
        logger.warning("no picture: %s", error)
    return {TRADE_OFF: trade_off_section(choices, PICTURE)}


def _endurance(data: Path, count: int) -> dict[str, str]:
    from slam_frontend.cli.benchmarks.clips import TUM
    from slam_frontend.cli.benchmarks.endurance import measure_endurance

    with progress_bar() as watch:
        return {"Endurance": measure_endurance(data / TUM, count, watch)}


def _machine() -> str:
    import cv2
    import numpy as np

    from slam_frontend import __version__
    from slam_frontend.features import count_cores

    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text("utf-8").splitlines() if "model name" in line] if cpuinfo.exists() else []
    )
    processor = names[0].split(":")[1].strip() if names else platform.processor()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}"
    machine = f"{count_cores()} cores of {processor}; slam-frontend {__version__}, {versions}."
    return f"{machine} Load average when it began: {os.getloadavg()[0]:.1f}. Repeat with `make bench`."
