"""What a fresh process takes: to start, to the first pose, and of memory."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from slam_frontend.cli.benchmarks.clips import CLIPS
from slam_frontend.cli.benchmarks.memory import held_megabytes
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.progress import note

REPETITIONS = 5
INTERVAL = 0.05  # seconds between looks at the memory
LEGEND = "The most that a run and the process that extracts for it held together; pages that both share count once."
RUN = "from slam_frontend.cli.main import main; main()"
# The command itself, which says what time it is when the first pose is known, and goes.
TO_FIRST_POSE = """
import os, time
import slam_frontend.pipeline as pipeline
run_sequence = pipeline.run_sequence
def until_first_pose(frontend, sequence, on_frame=None, live=False):
    def watch(frame, result):
        if result.estimate.T_world_cam is not None:
            print(time.monotonic(), flush=True)
            os._exit(0)
    return run_sequence(frontend, sequence, watch, live)
pipeline.run_sequence = until_first_pose
from slam_frontend.cli.main import main
main()
"""
HEAVY = ("openvino", "torch")  # what a run is measured with


def measure_start(sample: Path) -> dict[str, list[float]]:
    """The seconds that fresh interpreters take, by what they do."""
    bare = min(_seconds("pass"))
    taken = {
        "`import slam_frontend`": [seconds - bare for seconds in _seconds("import slam_frontend")],
        "`slam-frontend --help`": _seconds(RUN, "--help"),
    }
    for runtime in HEAVY if sample.exists() else ():
        taken[f"`slam-frontend run` to the first pose, {runtime}"] = _seconds_to_first_pose(sample, runtime)
    return {name: seconds for name, seconds in taken.items() if seconds}


def start_section(taken: dict[str, list[float]]) -> str:
    """The fastest and the median as a table."""
    rows = [[name, f"{min(seconds):.2f} s", f"{statistics.median(seconds):.2f} s"] for name, seconds in taken.items()]
    legend = f"Of {REPETITIONS} fresh processes; the first row is without what the bare interpreter takes."
    return "\n".join([table(["", "best", "median"], rows), "", legend])


def measure_memory(data: Path, sample: Path) -> dict[str, dict[str, float | None]]:
    """The most megabytes that a run holds, by recording and by what runs the network."""
    places = {clip.name: data / clip.path for clip in CLIPS if clip.sensor != "mono"} | {"the sample": sample}
    return {
        name: {runtime: _peak_megabytes(path, runtime) for runtime in HEAVY}
        for name, path in places.items()
        if path.exists()
    }


def memory_section(peaks: dict[str, dict[str, float | None]]) -> str:
    """The megabytes as a table."""
    rows = [
        [name, *("-" if peak is None else f"{peak:.0f}" for peak in by_runtime.values())]
        for name, by_runtime in peaks.items()
    ]
    return "\n".join([table(["whole run", *(f"{name}, MB" for name in HEAVY)], rows), "", LEGEND])


def _seconds(code: str, *arguments: str) -> list[float]:
    taken = []
    for _ in range(REPETITIONS):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
        taken.append(time.monotonic() - started)
    return taken


def _seconds_to_first_pose(sample: Path, runtime: str) -> list[float]:
    taken = []
    with TemporaryDirectory() as folder:
        arguments = ["run", str(sample), "--out", folder, "--runtime", runtime]
        for _ in range(REPETITIONS):
            started = time.monotonic()
            command = [sys.executable, "-c", TO_FIRST_POSE, *arguments]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:  # that runtime isn't installed
                return []
            taken.append(float(done.stdout) - started)
    return taken


def _peak_megabytes(path: Path, runtime: str) -> float | None:
    note(f"memory of {path.name} with {runtime}")
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", RUN, "run", str(path), "--out", folder, "--runtime", runtime]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, held_megabytes(process.pid))
            time.sleep(INTERVAL)
    return peak if process.returncode == 0 else None
