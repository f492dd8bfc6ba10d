"""``slam-frontend run``: a recording goes in, a trajectory and a map come out."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slam_frontend.cli.interrupts import EXIT_INTERRUPTED, at_most_interrupts
from slam_frontend.cli.logs import log_file, warnings_on_stderr
from slam_frontend.cli.options import NAMES, RUNS, extractor_overrides

if TYPE_CHECKING:
    from slam_frontend.config import RunConfig
    from slam_frontend.datasets import Sequence
    from slam_frontend.datasets.playback import Playback
    from slam_frontend.evaluation.trajectory import TrajectoryMetrics
    from slam_frontend.frontend import Frontend
    from slam_frontend.pipeline import OnFrame, RunResult
    from slam_frontend.viz.space.landmark_colours import LandmarkColours
    from slam_frontend.viz.windows.viewer import Viewer

logger = logging.getLogger(__name__)

EXIT_FAILED = 1


class SensorChoice(StrEnum):
    """What to use of a recording."""

    AUTO = "auto"
    MONO = "mono"
    STEREO = "stereo"
    RGBD = "rgbd"


def run(
    path: Annotated[Path, typer.Argument(help="A recording: a TUM, KITTI or EuRoC folder, images, a video, a camera.")],
    format: Annotated[str, typer.Option(help="auto, tum, kitti, euroc, images, video.")] = "auto",
    sensor: Annotated[SensorChoice | None, typer.Option(help="What to use; auto takes all there is.")] = None,
    features: Annotated[
        str | None, typer.Option(help=NAMES, show_default="superpoint on a GPU, else superpoint-fast")
    ] = None,
    runtime: Annotated[str | None, typer.Option(help="Of the network: auto, openvino, onnxruntime, torch.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
    set: Annotated[
        list[str] | None, typer.Option(help="A setting, such as tracker.min_inliers=20; repeatable.")
    ] = None,
    camera: Annotated[Path | None, typer.Option(help="A camera YAML, for images and videos.")] = None,
    start: Annotated[int, typer.Option(min=0, help="The first frame.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="How many frames at most.")] = None,
    stride: Annotated[int, typer.Option(min=1, help="Every n-th frame.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Results; runs/SEQUENCE-FEATURES if not given.")] = None,
    live: Annotated[bool, typer.Option("--live/--deterministic", help="Leave out frames to keep pace.")] = False,
    tracks: Annotated[bool, typer.Option("--tracks", help="Keep tracks.npz, which exports start from.")] = False,
    colour: Annotated[bool, typer.Option("--colour", help="Keep the colours of images in pictures and map.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Watch the run in a window, in 3-D and in colour.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON instead of tables.")] = False,
) -> None:
    """Track a recording: a trajectory, a map, metrics and pictures come out."""
    from slam_frontend.datasets import open_sequence
    from slam_frontend.features import beside_tracking, resolve
    from slam_frontend.files import results_folder
    from slam_frontend.frontend import Frontend
    from slam_frontend.results import LOG, prepare_folder
    from slam_frontend.viz.space.landmark_colours import LandmarkColours

    with warnings_on_stderr():
        settings = _settings(config, set, sensor, features, runtime)
        sequence = open_sequence(path, format, settings.sensor, start, limit, stride, camera, colour or show)
        really = {"sensor": str(sequence.sensor), "extractor": beside_tracking(resolve(settings.extractor))}
        settings = settings.model_copy(update=really)
        frontend = Frontend.from_config(settings, sequence.camera, sequence.sensor)
        title = _title(sequence, settings)
        colours = LandmarkColours(frontend)
        with (
            results_folder(out, RUNS, f"{sequence.name}-{settings.extractor.name}") as folder,
            _viewer(show, title, folder, frontend, sequence, colours) as viewer,
        ):
            with log_file(prepare_folder(folder) / LOG):
                logger.info("%s", " ".join(sys.argv))
                logger.info("%s", title)
                end = _track(frontend, sequence, settings, folder, live, tracks, json, colours, viewer)
            if not end:
                viewer.finish()
    if end:
        raise typer.Exit(end)


def _settings(
    config: Path | None,
    overrides: list[str] | None,
    sensor: SensorChoice | None,
    features: str | None,
    runtime: str | None,
) -> "RunConfig":
    """The command line wins over the file, and both over what suits the machine."""
    from slam_frontend.config import RunConfig, load_config
    from slam_frontend.features import suggest_features

    chosen = [f"sensor={sensor}"] if sensor else []
    chosen += extractor_overrides(features)
    chosen += [f"extractor.runtime={runtime}"] if runtime else []
    set_aside = _set_aside(config, overrides, features, runtime)
    settings = load_config(RunConfig, config, [*set_aside, *(overrides or []), *chosen])
    if settings.extractor.model_fields_set & {"name", "weights"}:
        return settings
    suggested = settings.extractor.model_copy(update={"name": suggest_features()})
    return settings.model_copy(update={"extractor": suggested})


def _set_aside(
    config: Path | None, overrides: list[str] | None, features: str | None, runtime: str | None
) -> list[str]:
    """Overrides of what a file says of its own network and no longer fits, as every run's ``config.yaml`` says it: all
    of it where another extractor or other weights are named, the precision where another runtime is."""
    from slam_frontend.config import RunConfig, load_config
    from slam_frontend.features import parse_features

    if config is None:
        return []
    kept = load_config(RunConfig, config, overrides).extractor
    named = parse_features(features or "")
    is_other = any(str(getattr(kept, key)) != named[key] for key in {"name", "weights"} & named.keys())
    if "name" in kept.model_fields_set and is_other:
        return ["extractor.runtime=auto", "extractor.precision=auto", "extractor.weights=null"]
    is_other_runtime = runtime is not None and kept.runtime not in ("auto", runtime)
    return ["extractor.precision=auto"] if is_other_runtime else []


def _title(sequence: "Sequence", config: "RunConfig") -> str:
    """What is run on what, and what runs the network if there is one."""
    extractor = config.extractor
    runs = "" if extractor.precision == "auto" else f" ({extractor.runtime}, {extractor.precision})"
    return f"{sequence.name}, {sequence.sensor}, {extractor.name}{runs}"


@contextmanager
def _viewer(
    is_wanted: bool, title: str, folder: Path, frontend: "Frontend", sequence: "Sequence", colours: "LandmarkColours"
) -> "Iterator[Viewer]":
    """A window, or nobody, for as long as the context lasts."""
    from slam_frontend.types import Sensor
    from slam_frontend.viz.windows.live import WindowSettings
    from slam_frontend.viz.windows.viewer import LiveViewer, NullViewer

    if not is_wanted:
        yield NullViewer()
        return
    is_metric = sequence.sensor is not Sensor.MONO
    settings = WindowSettings(title, folder, is_metric, has_truth=sequence.truth is not None)
    viewer = LiveViewer(settings, frontend, colours, sequence.truth)
    try:
        yield viewer
    finally:
        viewer.close()


def _track(
    frontend: "Frontend",
    sequence: "Playback",
    config: "RunConfig",
    folder: Path,
    live: bool,
    keep_tracks: bool,
    as_json: bool,
    colours: "LandmarkColours",
    viewer: "Viewer",
) -> int:
    """The exit code: 0 unless the user interrupted or something failed; what was tracked until then is written all the
    same. Interrupted before the first frame, it leaves the results of an earlier run alone, but for its log."""
    from slam_frontend.adapters.track_table import TABLE
    from slam_frontend.adapters.tracks import FILENAME, TrackLog, write_tracks
    from slam_frontend.cli.report import PAGE
    from slam_frontend.cli.tables import print_run
    from slam_frontend.errors import FrontendError
    from slam_frontend.files import to_json
    from slam_frontend.results import write_run
    from slam_frontend.summary import summarise
    from slam_frontend.viz.snapshots import Snapshots

    snapshots = Snapshots()
    log = TrackLog(frontend) if keep_tracks else None
    noting: list[OnFrame] = [snapshots.update, colours.update, *([] if log is None else [log.update])]
    watchers = [*noting, viewer.update]  # last: whoever waits has seen everything
    try:
        with at_most_interrupts(0):
            with at_most_interrupts(1):
                result = _run_with_progress(frontend, sequence, live, watchers)
            if result.interrupted and not len(result.indices):
                return EXIT_INTERRUPTED
            summary = summarise(result, sequence.sensor, sequence.truth)
            logger.info("%d of %d frames located", summary.located, summary.frames)
            if not summary.located:
                logger.warning("not one frame was located: %s", _suspect(result, sequence, config))
            elif summary.online is not None and (doubt := _doubt(result, sequence, summary.online)):
                logger.warning("%s", doubt)
            try:
                kept = sequence.truth, snapshots.pictures, colours.cloud()
                for name in (FILENAME, TABLE, PAGE):  # of an earlier run with the same --out
                    (folder / name).unlink(missing_ok=True)
                write_run(folder, result, summary, config, *kept, asked=sequence.indices)
                if log is not None:
                    write_tracks(log.finish(result.final), folder / FILENAME)
            finally:  # printed last: whoever reads a pipe may have gone
                if as_json:
                    print(to_json(summary.as_dict()))
                else:
                    print_run(summary, _title(sequence, config))
    except FrontendError as error:
        logger.info("ended by: %s", error)
        raise
    print(f"results, pictures and map: {folder}", file=sys.stderr if as_json else sys.stdout)
    sys.stdout.flush()  # a window may stay open
    return EXIT_INTERRUPTED if result.interrupted else EXIT_FAILED if result.failure else 0


def _suspect(result: "RunResult", sequence: "Sequence", config: "RunConfig") -> str:
    """What most likely kept a run from its first pose, and what to look at."""
    from slam_frontend.types import Sensor

    most, depth = int(result.num_keypoints.max(initial=0)), config.depth
    if most < config.initializer.min_matches:
        return f"no frame had more than {most} keypoints; are the images dark, blurred or without texture?"
    if sequence.sensor is Sensor.MONO:
        return "no two frames showed the same from clearly different places; one camera has to move, not only to turn"
    if sequence.sensor is Sensor.STEREO:
        within = f"disparities from {depth.min_disparity:g} to {depth.max_disparity:g} pixels"
        return f"too few keypoints had {within}; is the pair rectified, the left image first? (or --sensor mono)"
    within = f"depths from {depth.min_depth:g} to {depth.max_depth:g} m"
    return f"too few keypoints had {within}; check depth_scale of the camera and the depth settings (or --sensor mono)"


def _doubt(result: "RunResult", sequence: "Sequence", errors: "TrajectoryMetrics") -> str | None:
    """What is wrong with the metres of a run that only another scale brings near the truth."""
    from slam_frontend.evaluation.trajectory import find_other_scale
    from slam_frontend.types import Sensor

    if sequence.truth is None or sequence.sensor is Sensor.MONO:
        return None
    scale = find_other_scale(result.online.keep(result.is_judged), sequence.truth, errors)
    if scale is None:
        return None
    source = "depth_scale" if sequence.sensor is Sensor.RGBD else "the baseline"
    return f"the truth's path is {scale:.3g} times as long as the one found; check {source} of the camera"


def _run_with_progress(
    frontend: "Frontend", sequence: "Sequence", live: bool, watchers: "list[OnFrame]"
) -> "RunResult":
    """The run with a bar on a terminal, and silence elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from slam_frontend.pipeline import run_sequence

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("initializing", total=len(sequence) or None)

        def on_frame(frame: Any, result: Any) -> None:
            for watch in watchers:
                watch(frame, result)
            progress.update(task, advance=1, description=str(result.estimate.state))

        return run_sequence(frontend, sequence, on_frame, live)
