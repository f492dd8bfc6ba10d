"""``slam-frontend export tracks`` and ``colmap-model``: what a run has seen."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.datasets import Sequence
    from slam_frontend.types import Camera

Run = Annotated[Path, typer.Argument(help="The folder of a run that kept its tracks.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tracks)
    app.command("colmap-model")(colmap_model)


def tracks(
    run: Run,
    out: Annotated[Path | None, typer.Argument(help="A .csv or .npz file; RUN/tracks.csv if not given.")] = None,
    json: AsJson = False,
) -> None:
    """Write each sight of a landmark: frame, time, id, pixel, normalised position and velocity."""
    from slam_frontend.adapters.track_table import TABLE, export_track_table
    from slam_frontend.files import to_json

    if out is not None and out.suffix not in (".csv", ".npz"):
        raise typer.BadParameter("expected a name that ends in .csv or .npz", param_hint="OUT")
    with warnings_on_stderr(), progress_bar() as watch:
        count = export_track_table(run, out, watch)
    path = out or run / TABLE
    print(to_json({"file": str(path), "sights": count}) if json else f"{count} sights: {path}")


def colmap_model(
    run: Run,
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    recording: Annotated[Path | None, typer.Option(help="What was run, for the images of the keyframes.")] = None,
    format: Annotated[str, typer.Option(help="Of the recording, as for run.")] = "auto",
    camera: Annotated[Path | None, typer.Option(help="A camera YAML, as for run.")] = None,
    json: AsJson = False,
) -> None:
    """Write keyframes and landmarks as a COLMAP model in OUT/sparse/0, with --recording also OUT/images."""
    from slam_frontend.adapters.colmap_model import export_colmap_model
    from slam_frontend.adapters.tracks import read_tracks
    from slam_frontend.files import to_json

    seen = read_tracks(run)
    frames = _open(recording, format, camera, run, seen.camera) if recording else None
    with warnings_on_stderr(), progress_bar() as watch:
        report = export_colmap_model(seen, out, frames, watch)
    if json:
        print(to_json({"folder": str(out), **asdict(report)}))
        return
    print(f"{report.images} images, {report.points} points, {report.reprojection_error:.2f} px mean error: {out}")


def _open(recording: Path, format: str, camera: Path | None, run: Path, seen_by: "Camera") -> "Sequence":
    """The recording with its images as the run had them: a stereo pair's are rectified, one camera's may not be."""
    from slam_frontend.datasets import open_sequence
    from slam_frontend.errors import OutputError
    from slam_frontend.run_folder import read_run

    sensor = read_run(run).config.get("sensor", "auto")
    sequence = open_sequence(recording, format, sensor, camera=camera, colour=True)
    given, found = replace(sequence.camera, baseline=None), replace(seen_by, baseline=None)
    if not any(given.distortion) and not any(found.distortion[1:]):  # a run finds the first coefficient alone
        found = replace(found, distortion=given.distortion)
    if given != found:
        raise OutputError(f"{recording}: its camera isn't the run's; give --camera and --format as for run")
    return sequence
