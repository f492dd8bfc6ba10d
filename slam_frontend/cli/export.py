"""``slam-frontend export``: our features, matches and networks in the files of other systems."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli import export_networks, export_runs
from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson, Features, extractor_overrides
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.adapters.photogrammetry import Job, Report
    from slam_frontend.config import RunConfig

app = typer.Typer(help="Give our features, matches and networks to other systems.", no_args_is_help=True)
export_networks.register(app)
export_runs.register(app)


class Pairing(StrEnum):
    """Which images are matched with which."""

    SEQUENTIAL = "sequential"
    EXHAUSTIVE = "exhaustive"


Images = Annotated[Path, typer.Argument(help="A folder of images; those of its subfolders count too.")]
Out = Annotated[Path, typer.Argument(help="A new folder; or one of the same export, which goes on where it was.")]
Pairs = Annotated[Path | None, typer.Option(help="A text file with two image names a line, instead of --pairing.")]
PairingOption = Annotated[Pairing, typer.Option(help="Each image with the next ones, or with all others.")]
Overlap = Annotated[int, typer.Option(min=1, help="How many next ones, for sequential pairing.")]
Config = Annotated[Path | None, typer.Option(help="A YAML file of settings, as for run.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, such as extractor.max_keypoints=2000; repeatable.")
]
MaxSize = Annotated[int, typer.Option(min=64, help="Larger images are shrunk to this before features are found.")]


@app.command()
def hloc(
    images: Images,
    out: Out,
    pairs: Pairs = None,
    pairing: PairingOption = Pairing.SEQUENTIAL,
    overlap: Overlap = 10,
    features: Features = None,
    config: Config = None,
    settings: Settings = None,
    max_size: MaxSize = 1600,
    half: Annotated[bool, typer.Option("--half/--full", help="float16 as hloc writes it, or float32.")] = True,
    json: AsJson = False,
) -> None:
    """Write features.h5, matches.h5 and pairs.txt for hloc."""
    from slam_frontend.adapters.hloc import export_hloc

    job = _job(images, out, pairs, pairing, overlap, _load(config, settings, features), max_size)
    with warnings_on_stderr(), progress_bar() as watch:
        report = export_hloc(job, half, watch)
    _tell(report, out, json)


@app.command()
def colmap(
    images: Images,
    out: Out,
    pairs: Pairs = None,
    pairing: PairingOption = Pairing.SEQUENTIAL,
    overlap: Overlap = 10,
    features: Features = None,
    config: Config = None,
    settings: Settings = None,
    max_size: MaxSize = 1600,
    camera: Annotated[Path | None, typer.Option(help="A camera YAML; else camera.yaml of IMAGES, else EXIF.")] = None,
    single_camera: Annotated[
        bool, typer.Option("--single-camera", help="One camera took all images of a size, as the frames of a video.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Write database.db for COLMAP: cameras, images, keypoints, matches, verified pairs."""
    from slam_frontend.adapters.colmap import export_colmap
    from slam_frontend.datasets.calibration import find_calibration, load_calibration

    job = _job(images, out, pairs, pairing, overlap, _load(config, settings, features), max_size)
    calibration = load_calibration(camera) if camera else find_calibration(images, None)
    with warnings_on_stderr(), progress_bar() as watch:
        report = export_colmap(job, calibration.camera if calibration else None, single_camera, watch)
    _tell(report, out, json)


@app.command()
def rtabmap(
    folder: Annotated[Path, typer.Argument(help="Where the two scripts go.")],
    features: Features = None,
    config: Config = None,
    settings: Settings = None,
    json: AsJson = False,
) -> None:
    """Write the PyDetector and PyMatcher scripts that RTAB-Map embeds."""
    from slam_frontend.adapters.rtabmap import export_rtabmap
    from slam_frontend.files import to_json

    loaded = _load(config, settings, features)
    detector, matcher = export_rtabmap(folder.absolute(), loaded.extractor, loaded.matcher)
    finding = f"--Vis/FeatureType 15 --Kp/DetectorStrategy 15 --PyDetector/Path {quote(str(detector))}"
    matching = f"--Vis/CorNNType 6 --PyMatcher/Path {quote(str(matcher))}"
    if json:
        parameters = f"{finding} {matching}"
        print(to_json({"detector": str(detector), "matcher": str(matcher), "parameters": parameters}))
    else:
        print(f"rtabmap {finding} {matching}")


def _load(config: Path | None, settings: list[str] | None, features: str | None) -> "RunConfig":
    from slam_frontend.config import RunConfig, load_config

    return load_config(RunConfig, config, [*(settings or []), *extractor_overrides(features)])


def _job(
    images: Path, out: Path, pairs: Path | None, pairing: Pairing, overlap: int, config: "RunConfig", max_size: int
) -> "Job":
    from slam_frontend.adapters import collection
    from slam_frontend.adapters.photogrammetry import Job

    names = collection.list_images(images)
    if pairs is not None:
        wanted = collection.read_pairs(pairs, names)
    elif pairing is Pairing.SEQUENTIAL:
        wanted = collection.sequential_pairs(names, overlap)
    else:
        wanted = collection.exhaustive_pairs(names)
    return Job(images, names, wanted, out, config.extractor, config.matcher, max_size)


def _tell(report: "Report | None", out: Path, as_json: bool) -> None:
    from slam_frontend.files import to_json

    if as_json:
        print(to_json({"folder": str(out), "stood_already": report is None, **(asdict(report) if report else {})}))
        return
    if report is None:
        print(f"{out}: stands already, with the same images and settings")
        return
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    print(f"{report.images} images{skipped}; {report.keypoints} keypoints; {report.matches} matches", end=" ")
    print(f"in {report.pairs} pairs: {out}")
