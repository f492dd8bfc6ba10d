"""``slam-frontend show``: what extractors find, and what a network sees, as pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson, Seed, split_names
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.features import Extractor
    from slam_frontend.models.card import Card
    from slam_frontend.models.superpoint import SuperPoint
    from slam_frontend.types import Array, Features
    from slam_frontend.viz.feature_panels import Matched
    from slam_frontend.watch import Watch

app = typer.Typer(help="Show what extractors and networks see.", no_args_is_help=True, rich_markup_mode=None)

MIN_SIZE = 32  # pixels
MAX_MATCH_ERROR = 1.5  # pixels from the epipolar line, at 640 columns

Image = Annotated[Path, typer.Argument(help="An image file.")]
Width = Annotated[int, typer.Option(min=400, max=6000, help="Pixels of the picture.")]


@app.command("features")
def show_features(
    image: Image,
    image2: Annotated[Path | None, typer.Argument(help="A second one, to match with the first.")] = None,
    features: Annotated[
        str, typer.Option(help="By commas: orb, sift, fast, superpoint-fast, superpoint=WEIGHTS.")
    ] = "orb,sift,superpoint-fast",
    max_keypoints: Annotated[int, typer.Option(min=50, max=20000, help="Of each extractor in each image.")] = 1000,
    max_size: Annotated[int, typer.Option(min=64, help="A larger image is shrunk to this.")] = 1600,
    out: Annotated[Path, typer.Option(help="The picture, a PNG file.")] = Path("features.png"),
    width: Width = 1500,
    json: AsJson = False,
) -> None:
    """Draw the keypoints of several extractors side by side; of two images the matches, inliers and outliers."""
    from slam_frontend.viz.feature_panels import Found, draw_features, draw_matches

    paths = [image] if image2 is None else [image, image2]
    title = " and ".join(path.name for path in paths)
    _require_picture(out, paths)
    with warnings_on_stderr(), progress_bar() as watch:
        pictures = [_read(path, max_size) for path in paths]
        extractors = _create_extractors(features, max_keypoints)
        seen = {}
        for number, (name, extractor) in enumerate(extractors.items()):
            watch("extractors", number, len(extractors))
            seen[name] = [extractor.extract(picture) for picture in pictures]
        watch("extractors", len(extractors), len(extractors))
        counts: list[dict[str, Any]]
        if image2 is None:
            found = [Found(name, one) for name, (one,) in seen.items()]
            counts = [{"name": one.name, "keypoints": [len(one.features)]} for one in found]
            png = draw_features(title, pictures[0], found, width)
        else:
            matched = [_match(name, one, other, pictures[0].shape[1]) for name, (one, other) in seen.items()]
            counts = [_count(one) for one in matched]
            png = draw_matches(title, pictures[0], pictures[1], matched, width)
    _finish(out, png, {"extractors": counts}, json)


@app.command("heatmap")
def show_heatmap(
    image: Image,
    adaptation: Annotated[bool, typer.Option("--adaptation", help="Show homographic adaptation at work.")] = False,
    features: Annotated[str, typer.Option(help="superpoint-fast or superpoint.")] = "superpoint-fast",
    weights: Annotated[Path | None, typer.Option(help="A checkpoint; the shipped one if not given.")] = None,
    views: Annotated[int, typer.Option(min=1, max=10000, help="Views that adaptation takes.")] = 100,
    seed: Seed = 0,
    max_size: Annotated[int, typer.Option(min=64, help="A larger image is shrunk to this.")] = 640,
    out: Annotated[Path | None, typer.Option(help="A PNG file; heatmap.png or adaptation.png if not given.")] = None,
    width: Width = 1500,
    json: AsJson = False,
) -> None:
    """Draw what a network takes for points, or how homographic adaptation comes to points to learn from."""
    out = out or Path("adaptation.png" if adaptation else "heatmap.png")
    _require_picture(out, [image])
    with warnings_on_stderr(), progress_bar() as watch:
        picture = _read(image, max_size)
        settings = {"name": features} | ({"weights": weights} if weights else {})
        if adaptation:
            png, about = _adaptation(image.name, picture, settings, views, seed, width, watch)
        else:
            png, about = _heatmap(image.name, picture, settings, width)
    _finish(out, png, about, json)


def _require_picture(out: Path, images: list[Path]) -> None:
    """OutputError where the picture would be no PNG by its name, or would take the place of what it shows."""
    from slam_frontend.errors import OutputError

    if out.suffix.lower() != ".png":
        raise OutputError(f"{out}: the picture is a PNG; end the name with .png")
    if any(out.resolve() == image.resolve() for image in images):
        raise OutputError(f"{out}: is the image to be drawn itself; choose another name for --out")


def _create_extractors(names: str, max_keypoints: int) -> "dict[str, Extractor]":
    from slam_frontend.errors import ConfigError
    from slam_frontend.features import create_extractor, parse_features

    specs = split_names(names)
    if not specs:
        raise ConfigError("--features: expected names of extractors by commas, such as orb,superpoint-fast")
    return {spec: create_extractor(parse_features(spec) | {"max_keypoints": max_keypoints}) for spec in specs}


def _read(path: Path, max_size: int) -> "Array":
    """The image as (H,W) uint8, its longer side at most ``max_size``; SequenceError where it is too small to use."""
    import cv2
    import numpy as np

    from slam_frontend.datasets.pictures import read_picture
    from slam_frontend.errors import SequenceError

    image, _ = read_picture(path)
    height, width = image.shape
    if min(height, width) * min(1, max_size / max(height, width)) < MIN_SIZE:
        raise SequenceError(f"{path}: {width}x{height} pixels are too few; expected at least {MIN_SIZE} each way")
    shrink = max_size / max(image.shape)
    if shrink >= 1:
        return image
    size = round(width * shrink), round(height * shrink)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _match(name: str, features0: "Features", features1: "Features", width: int) -> "Matched":
    import numpy as np

    from slam_frontend.geometry.epipolar import epipolar_errors, find_fundamental
    from slam_frontend.matching import create_matcher
    from slam_frontend.viz.feature_panels import Matched

    matches = create_matcher({}).match(features0, features1)
    rows0, rows1 = matches.indices.T
    points0, points1 = features0.keypoints[rows0], features1.keypoints[rows1]
    max_error = MAX_MATCH_ERROR * width / 640
    F = find_fundamental(points0, points1, max_error)
    is_inlier = np.zeros(len(matches), bool) if F is None else epipolar_errors(F, points0, points1) <= max_error
    return Matched(name, features0, features1, matches, is_inlier)


def _count(one: "Matched") -> dict[str, Any]:
    keypoints = [len(one.features0), len(one.features1)]
    return {"name": one.name, "keypoints": keypoints, "matches": len(one.matches), "inliers": one.num_inliers}


def _heatmap(title: str, picture: "Array", settings: dict[str, Any], width: int) -> tuple[bytes, dict[str, Any]]:
    from slam_frontend.cli.heatmaps import find_heatmap
    from slam_frontend.features import create_extractor
    from slam_frontend.viz.heatmap_panels import draw_heatmap

    network, card = _load(settings)
    heatmap = find_heatmap(network, picture)
    keypoints = create_extractor({**settings, "runtime": "torch", "scales": [1]}).extract(picture).keypoints
    png = draw_heatmap(f"{title}, {card.name}", picture, heatmap, keypoints, card.threshold, width)
    return png, {"keypoints": len(keypoints), "highest": float(heatmap.max()), "threshold": card.threshold}


def _adaptation(
    title: str, picture: "Array", settings: dict[str, Any], views: int, seed: int, width: int, watch: "Watch"
) -> tuple[bytes, dict[str, Any]]:
    from slam_frontend.cli.heatmaps import adapt_in_steps
    from slam_frontend.viz.heatmap_panels import draw_adaptation

    network, card = _load(settings)
    steps = adapt_in_steps(network, picture, views, seed, watch)
    png = draw_adaptation(f"{title}: homographic adaptation of {card.name}", steps, width)
    return png, {"means": list(steps.means), "points": len(steps.points)}


def _load(settings: dict[str, Any]) -> "tuple[SuperPoint, Card]":
    from slam_frontend.errors import ConfigError
    from slam_frontend.features.superpoint import LEARNED, shipped_weights
    from slam_frontend.models.weights import load_checkpoint

    if settings["name"] not in LEARNED:
        known = ", ".join(LEARNED)
        raise ConfigError(f"--features: no network is called {settings['name']!r}; there are {known}")
    return load_checkpoint(settings.get("weights") or shipped_weights(settings["name"]))


def _finish(out: Path, png: bytes, about: dict[str, Any], as_json: bool) -> None:
    from slam_frontend.files import to_json, write_atomically

    write_atomically(out, png)
    if as_json:
        print(to_json({"picture": str(out), **about}))
    else:
        print(f"picture: {out}")
