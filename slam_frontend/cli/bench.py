"""``slam-frontend bench``: the clips that every change is held against, as a page of the documentation."""

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slam_frontend.summary import RunSummary

LEARNED = ("superpoint-fast", "superpoint")  # left out, and said so, where no weights ship


@dataclass(frozen=True)
class Clip:
    """A recording below the data folder, and what the project promises of it."""

    name: str
    path: str
    sensor: str
    limit: int
    promise: str


TUM = "sequences/tum/rgbd_dataset_freiburg1_xyz"
KITTI = "sequences/kitti/sequences"
CLIPS = (
    Clip("fr1_xyz, RGB-D", TUM, "rgbd", 250, "all located, ATE <= 0.011 m"),
    Clip("fr1_xyz, mono", TUM, "mono", 250, "first pose within 30 frames, never lost after, ATE <= 0.015 m"),
    Clip("KITTI 00, stereo", f"{KITTI}/00", "stereo", 80, "all located, ATE <= 0.47 m"),
    Clip("KITTI 00, mono", f"{KITTI}/00", "mono", 80, "first pose within 15 frames, never lost, ATE <= 2 %"),
    Clip("KITTI 07, mono", f"{KITTI}/07", "mono", 60, "first pose within 15 frames, never lost, ATE <= 2 %"),
)
HEADINGS = ["clip", "features", "located", "first pose", "lost", "ATE online", "ATE after mapping"]
STAGES = ["extract", "depth", "track", "map", "all but extract", "all"]


def bench(
    data: Annotated[Path, typer.Argument(help="The folder with sequences/tum and sequences/kitti.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/benchmarks.md"),
    features: Annotated[str, typer.Option(help="By commas.")] = ",".join(("orb", "sift", *LEARNED)),
    endurance: Annotated[int | None, typer.Option(min=1000, help="Also play a clip to and fro.")] = None,
) -> None:
    """Track the benchmark clips and write the table of results."""
    from slam_frontend.cli.endurance import measure_endurance

    sections = _read_sections(out)
    sections["Machine"] = _machine()
    sections["Clips"] = _clips_table(data, features.split(","))
    sections["Start"] = _start_times()
    if endurance:
        sections["Endurance"] = measure_endurance(data / TUM, endurance)
    _write_sections(out, sections)
    print(f"results: {out}")


def _clips_table(data: Path, features: list[str]) -> str:
    lines = [_row([*HEADINGS, *(f"ms {stage}" for stage in STAGES)]), _row(["---"] * (len(HEADINGS) + len(STAGES)))]
    notes = [f"- {clip.name}: {clip.promise}" for clip in CLIPS]
    for name in features:
        reason = _missing(name)
        if reason:
            notes.append(f"- {name} is left out: {reason}")
            continue
        for clip in CLIPS:
            print(f"{clip.name} with {name}", flush=True)
            lines.append(_row(_cells(clip, name, _track(data, clip, name))))
    legend = "Milliseconds are the median of a frame. Mono is aligned by a similarity, the others rigidly. Promised:"
    return "\n".join([*lines, "", legend, "", *notes])


def _missing(features: str) -> str | None:
    """Why an extractor can't be used, where its weights are what is missing."""
    from slam_frontend.errors import WeightsError
    from slam_frontend.features import create_extractor

    try:
        create_extractor({"name": features})
    except WeightsError as error:
        return str(error)
    return None


def _track(data: Path, clip: Clip, features: str) -> "RunSummary":
    from slam_frontend.config import RunConfig, load_config
    from slam_frontend.datasets import open_sequence
    from slam_frontend.frontend import Frontend
    from slam_frontend.pipeline import run_sequence
    from slam_frontend.summary import summarise

    config = load_config(RunConfig, overrides=[f"sensor={clip.sensor}", f"extractor.name={features}"])
    sequence = open_sequence(data / clip.path, sensor=config.sensor, limit=clip.limit)
    result = run_sequence(Frontend.from_config(config, sequence.camera, sequence.sensor), sequence)
    return summarise(result, sequence.sensor, sequence.truth)


def _cells(clip: Clip, features: str, summary: "RunSummary") -> list[str]:
    errors = [
        f"{metrics.ate.rmse:.4f} m, {metrics.ate_percent:.2f} %" if metrics else "-"
        for metrics in (summary.online, summary.final)
    ]
    times = [f"{summary.milliseconds[stage].median:.1f}" for stage in STAGES]
    located = f"{summary.located}/{summary.frames}"
    return [clip.name, features, located, str(summary.initialised_at or "-"), str(summary.lost), *errors, *times]


def _start_times() -> str:
    """Of fresh interpreters, without what the bare interpreter takes; the fastest of five."""
    bare = _fastest("pass")
    package = _fastest("import slam_frontend") - bare
    command = _fastest("from slam_frontend.cli.main import main; main()", "--help")
    rows = [f"| `import slam_frontend` | {package:.2f} s |", f"| `slam-frontend --help` | {command:.2f} s |"]
    return "\n".join(["| | takes |", "| --- | --- |", *rows])


def _fastest(code: str, *arguments: str) -> float:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


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


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _read_sections(page: Path) -> dict[str, str]:
    """The parts of an earlier page: what isn't measured this time stays as it was."""
    if not page.exists():
        return {}
    parts = page.read_text().split("\n## ")[1:]
    return {heading: text.strip() for heading, text in (part.split("\n", 1) for part in parts)}


def _write_sections(page: Path, sections: dict[str, str]) -> None:
    from slam_frontend.files import write_atomically

    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [f"## {heading}\n\n{text}\n" for heading, text in sections.items()]
    write_atomically(page, "\n".join(["# Benchmarks\n", *parts]))
