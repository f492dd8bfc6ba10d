"""``slam-frontend calibrate``: a camera file from a recording, without a chessboard."""

import logging
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson, Features, extractor_overrides
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.adapters.self_calibration import Refinement
    from slam_frontend.adapters.tracks import Tracks
    from slam_frontend.config import RunConfig
    from slam_frontend.datasets import Sequence
    from slam_frontend.types import Frame, FrameResult
    from slam_frontend.watch import Watch

logger = logging.getLogger(__name__)

CONVERGED = 0.005  # a change of the lens under which another round isn't worth its time


def calibrate(
    path: Annotated[Path, typer.Argument(help="What one camera saw that moved and turned: a recording, as for run.")],
    out: Annotated[Path, typer.Argument(help="The camera file to write.")] = Path("camera.yaml"),
    format: Annotated[str, typer.Option(help="auto, tum, kitti, images, video.")] = "auto",
    features: Features = None,
    camera: Annotated[Path | None, typer.Option(help="A camera YAML to begin with; else the recording's.")] = None,
    start: Annotated[int, typer.Option(min=0, help="The first frame.")] = 0,
    limit: Annotated[int, typer.Option(min=10, help="How many frames at most.")] = 300,
    stride: Annotated[int, typer.Option(min=1, help="Every n-th frame.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Of tracking and refinement, at most.")] = 8,
    json: AsJson = False,
) -> None:
    """Find focal length and lens distortion: track, refine the camera, and again, until nothing changes."""
    from slam_frontend.adapters.self_calibration import lens_change, refine_camera
    from slam_frontend.config import RunConfig, dump_config, load_config
    from slam_frontend.datasets import load_calibration, open_sequence
    from slam_frontend.datasets.guess import find_or_guess_calibration
    from slam_frontend.files import write_atomically
    from slam_frontend.optional import require

    _require_new(out)
    require("pycolmap", extra="colmap")
    settings = load_config(RunConfig, overrides=["sensor=mono", *extractor_overrides(features)])
    number, change = 0, 1.0
    with warnings_on_stderr(), progress_bar() as watch:
        found = load_calibration(camera) if camera else find_or_guess_calibration(path, format)
        while number < rounds and change > CONVERGED:
            number, before = number + 1, found
            sequence = open_sequence(path, format, "mono", start, limit, stride, before)
            refined = refine_camera(_track(sequence, settings, f"round {number}, fx {before.fx:.0f}", watch))
            lens = {name: getattr(refined.camera, name) for name in ("fx", "fy", "distortion")}
            found = before.model_copy(update=lens)
            change = lens_change(before.camera, found.camera)
        write_atomically(out, dump_config(found))
        if change > CONVERGED:
            logger.warning("the lens still changed by %.1f %% in the last round; give more --rounds", 100 * change)
    _tell(out, refined, number, json)


def _require_new(out: Path) -> None:
    from slam_frontend.errors import OutputError
    from slam_frontend.files import make_writable

    if out.exists():
        raise OutputError(f"{out}: is there already; choose another name, or remove it")
    if not out.parent.is_dir():
        raise OutputError(f"{out.parent}: is no folder; make it, or choose another place for the camera file")
    make_writable(out.parent)


def _track(sequence: "Sequence", settings: "RunConfig", stage: str, watch: "Watch") -> "Tracks":
    """What the frontend sees of the recording."""
    from slam_frontend.adapters.tracks import TrackLog
    from slam_frontend.features import beside_tracking
    from slam_frontend.frontend import Frontend
    from slam_frontend.pipeline import run_whole

    settings = settings.model_copy(update={"extractor": beside_tracking(settings.extractor)})
    frontend = Frontend.from_config(settings, sequence.camera, sequence.sensor)
    log = TrackLog(frontend)
    total, done = len(sequence), count(1)

    def on_frame(frame: "Frame", result: "FrameResult") -> None:
        log.update(frame, result)
        watch(stage, next(done), total)

    return log.finish(run_whole(frontend, sequence, on_frame).final)


def _tell(out: Path, refined: "Refinement", rounds: int, as_json: bool) -> None:
    from slam_frontend.files import to_json

    camera = refined.camera
    if as_json:
        print(to_json({"file": str(out), "rounds": rounds, **asdict(refined)}))
        return
    distortion = " ".join(f"{value:.4f}" for value in camera.distortion)
    print(f"{out}: focal length {camera.fx:.1f}, distortion {distortion}")
    seen = f"{refined.points} points in {refined.keyframes} keyframes"
    print(f"{refined.error:.2f} px median error of {seen}, rounds: {rounds}")
