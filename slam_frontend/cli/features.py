"""`slam-frontend evaluate features` and `slam-frontend evaluate detection`."""

import logging
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import RUNS, AsJson, Seed, split_names
from slam_frontend.cli.progress import progress_bar, watched
from slam_frontend.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    from slam_frontend.evaluation.features import FeatureScores, PairSource
    from slam_frontend.evaluation.pairs import ImagePair
    from slam_frontend.features import Extractor
    from slam_frontend.types import Array
    from slam_frontend.watch import Watch

logger = logging.getLogger(__name__)

FeatureNames = Annotated[
    str,
    typer.Option(
        "--features",
        help="By commas: orb, superpoint-fast:float or :int8, superpoint=WEIGHTS. FAST, Harris, Shi-Tomasi come too.",
    ),
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", help="For the JSON file and the figure; a new one in runs/ if not given.")
]
Threshold = Annotated[float | None, typer.Option(help="Detection threshold of learned extractors.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `evaluate`."""
    app.command("features")(evaluate_features)
    app.command("detection")(evaluate_detection)


def evaluate_features(
    path: Annotated[Path, typer.Argument(help="Scenes in the HPatches layout, or a folder or tar of photographs.")],
    features: FeatureNames = "orb,sift,fast",
    limit: Annotated[int | None, typer.Option(help="At most so many scenes or photographs.")] = None,
    threshold: Threshold = None,
    seed: Seed = 0,
    blur: Annotated[float, typer.Option(min=0, help="Pixels of motion blur in one image of each warp.")] = 0.0,
    out: OutFolder = None,
    json: AsJson = False,
) -> None:
    """Repeatability, matching and homography estimation on image pairs whose homography is known."""
    from slam_frontend.evaluation.features import HEADINGS
    from slam_frontend.evaluation.homography import HomographyProtocol

    extractors = _create_extractors(features, HomographyProtocol().num_points, threshold)
    with _out_folder(out, "evaluate_features") as folder:
        with warnings_on_stderr(), progress_bar() as watch:
            pairs = _WatchedPairs(_find_pairs(path, limit, seed, blur, watch), watch)
            scores = _measure_features(extractors, pairs)
        splits = {row.split for row in scores}
        labels = [row.extractor if len(splits) == 1 else f"{row.extractor} {row.split}" for row in scores]
        columns = {heading: [getattr(row, name) for row in scores] for name, heading in HEADINGS.items()}
        _report(
            f"{path}: {max(row.num_pairs for row in scores)} pairs{' by random warps' if splits == {'warp'} else ''}",
            labels,
            columns,
            [asdict(row) for row in scores],
            {"path": str(path), "seed": seed, "blur": blur},
            folder,
            json,
        )


def evaluate_detection(
    features: FeatureNames = "",
    count: Annotated[int, typer.Option(min=1, help="Shapes to render.")] = 1000,
    threshold: Threshold = 0.001,
    seed: Seed = 2018,
    out: OutFolder = None,
    json: AsJson = False,
) -> None:
    """Corners of held-out synthetic shapes, clean and noisy: mean average precision and localisation error."""
    from slam_frontend.evaluation.detection import measure_detection
    from slam_frontend.evaluation.detectors import CLASSICAL
    from slam_frontend.evaluation.features import as_detector

    extractors = _create_extractors(features, 300, threshold, border=0, scales=[1])  # edges have corners, each one once
    detectors = {name: as_detector(extractor) for name, extractor in extractors.items()} | CLASSICAL
    columns: dict[str, list[float]] = {}
    results = []
    with _out_folder(out, "evaluate_detection") as folder:
        with warnings_on_stderr(), progress_bar() as watch:
            for condition, shapes in _render_shapes(count, seed, watch).items():
                found = [
                    measure_detection(detect, watched(shapes, f"{name}, {condition}", watch))
                    for name, detect in detectors.items()
                ]
                columns[f"mAP, {condition}"] = [row.mean_average_precision for row in found]
                columns[f"loc. err., {condition}"] = [row.localisation_error for row in found]
                results += [
                    {"detector": name, "condition": condition, **asdict(row)}
                    for name, row in zip(detectors, found, strict=True)
                ]
        _report(f"{count} shapes", list(detectors), columns, results, {"count": count, "seed": seed}, folder, json)


def _out_folder(out: Path | None, name: str) -> AbstractContextManager[Path]:
    """Where scores go, writable before anything is measured; a new one is gone again where nothing came of it."""
    from slam_frontend.files import make_writable, results_folder

    return results_folder(make_writable(out) if out else None, RUNS, name)


def _create_extractors(names: str, max_keypoints: int, threshold: float | None, **more: Any) -> "dict[str, Extractor]":
    from slam_frontend.features import create_extractor, parse_features

    settings = {"max_keypoints": max_keypoints, "threshold": threshold, **more}
    return {spec: create_extractor(parse_features(spec) | settings) for spec in split_names(names)}


def _find_pairs(path: Path, limit: int | None, seed: int, blur: float, watch: "Watch") -> "PairSource":
    from slam_frontend.evaluation.hpatches import find_scenes, read_scene, scene_pairs
    from slam_frontend.evaluation.warps import WarpRanges, warp_pairs
    from slam_frontend.photos import read_photos

    if limit is not None and limit < 1:
        raise ConfigError(f"--limit {limit}: expected at least 1")
    folders = find_scenes(path)[:limit]
    if folders and blur:
        raise ConfigError(f"--blur {blur:g}: is for warps of photographs, found scenes in {path}; leave it out")
    if folders:
        scenes = [read_scene(folder) for folder in watched(folders, "scenes", watch)]
        return lambda size: scene_pairs(scenes, size)
    return lambda size: warp_pairs(read_photos(path, limit), size, seed, WarpRanges(blur=blur))


def _measure_features(extractors: "dict[str, Extractor]", pairs: "_WatchedPairs") -> "list[FeatureScores]":
    """First each extractor and detector on the splits, then on all pairs."""
    from slam_frontend.evaluation.detectors import CLASSICAL
    from slam_frontend.evaluation.features import evaluate_detector, evaluate_extractor

    scores: list[FeatureScores] = []
    for name, extractor in extractors.items():
        scores += evaluate_extractor(name, extractor, pairs.rounds(name, 2))
    for name, detect in CLASSICAL.items():
        scores += evaluate_detector(name, detect, pairs.rounds(name, 1))
    return sorted(scores, key=lambda row: row.split == "all")


class _WatchedPairs:
    """Pairs that tell how far who goes through them has come; how many there are is known after the first time."""

    def __init__(self, pairs: "PairSource", watch: "Watch") -> None:
        self._pairs = pairs
        self._watch = watch
        self._count = 0

    def rounds(self, stage: str, number: int) -> "PairSource":
        """The same pairs, to be gone through so many times."""
        done = 0

        def source(size: tuple[int, int]) -> "Iterator[ImagePair]":
            nonlocal done
            before = done
            for pair in self._pairs(size):
                self._watch(stage, done, number * self._count)
                yield pair
                done += 1
            self._count = done - before
            self._watch(stage, done, number * self._count)

        return source


def _render_shapes(count: int, seed: int, watch: "Watch") -> "dict[str, list[tuple[Array, Array]]]":
    """The same shapes clean and as a bad camera would take them."""
    import numpy as np
    import torch

    from slam_frontend.training.photometric import STRONG, degrade
    from slam_frontend.training.shapes import render

    rng = np.random.default_rng(seed)
    shapes = [render(rng) for _ in watched(range(count), "shapes", watch)]
    images = torch.from_numpy(np.stack([shape.image for shape in shapes]))[:, None].float() / 255
    generator = torch.Generator().manual_seed(seed)
    noisy = torch.cat([degrade(part, STRONG, generator) for part in torch.split(images, 100)])
    degraded = (noisy[:, 0] * 255).round().to(torch.uint8).numpy()
    return {
        "clean": [(shape.image, shape.corners) for shape in shapes],
        "noisy": [(image, shape.corners) for image, shape in zip(degraded, shapes, strict=True)],
    }


def _report(
    title: str,
    labels: list[str],
    columns: dict[str, list[float]],
    scores: list[dict[str, Any]],
    about: dict[str, Any],
    folder: Path,
    as_json: bool,
) -> None:
    """On the terminal the table or what is in the file; then the JSON file and the figure, which may fail."""
    from slam_frontend.evaluation.report import draw_bars, write_json
    from slam_frontend.files import to_json

    if as_json:
        print(to_json({**about, "folder": str(folder), "scores": scores}))
    else:
        _print_table(title, labels, columns)
    write_json(scores, about, folder / "scores.json")
    with warnings_on_stderr():
        try:
            draw_bars(labels, columns, title, folder / "scores.png")
        except MissingDependency as error:
            logger.warning("no scores.png: %s", error)
    if not as_json:
        print(f"scores: {folder}")


def _print_table(title: str, labels: list[str], columns: dict[str, list[float]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    headings = [name.replace(" ", "\n", 1) for name in columns]  # narrow enough for all to fit into 80 columns
    table = Table(Column(overflow="fold", min_width=10), *(Column(name, min_width=5) for name in headings))
    for row, label in enumerate(labels):
        table.add_row(label, *_cells(columns, row))
    console = Console()
    console.print(title, soft_wrap=True, markup=False)  # as a table's title a long path would be cut
    console.print(table, crop=False)


def _cells(columns: dict[str, list[float]], row: int) -> Iterator[str]:
    for values in columns.values():
        yield "" if math.isnan(values[row]) else f"{values[row]:.3f}"
