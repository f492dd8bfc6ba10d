"""A clip as worse cameras would have taken it: compressed, in the dark, in fog, out of focus or shaken."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.cli.benchmarks.clips import CLIPS, REPLAY, TUM, open_clip
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.benchmarks.starts import LENGTH, Starts, measure_starts
from slam_frontend.cli.progress import note
from slam_frontend.config import ExtractorConfig
from slam_frontend.datasets import Sequence
from slam_frontend.pipeline import run_whole
from slam_frontend.summary import RunSummary, summarise
from slam_frontend.types import Array, Frame, View

logger = logging.getLogger(__name__)

RGBD, MONO = CLIPS[:2]
EVERY = 10  # frames from the start of a piece to that of the next
SHAKEN, OF = 6, 30  # frames
SHAKEN_BY = 27  # pixels
HEADINGS = ["images", "features", "located", "ATE online", "pieces with a pose", "first pose", "ATE, % of the path"]
LEGEND = (
    "fr1_xyz in RGB-D; the last three columns are of one camera alone, which begins anew every "
    f"{EVERY} frames and goes on for {LENGTH}, as under Clips."
)


def _dark(image: Array, index: int) -> Array:
    """An eighth of the light, and a sensor's noise."""
    return _noisy(image * 0.12, index)


def _foggy(image: Array, index: int) -> Array:
    """A seventh of the contrast, before white."""
    return _noisy(image * 0.15 + 170, index)


def _noisy(levels: Array, index: int) -> Array:
    noise = np.random.default_rng(index).normal(0, 3, levels.shape)
    return np.clip(levels + noise, 0, 255).astype(np.uint8)


def _compressed(image: Array, index: int) -> Array:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 8])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE))


def _defocused(image: Array, index: int) -> Array:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 4))


def _shaken(image: Array, index: int) -> Array:
    """Blurred along a line of another direction for each image."""
    if index % OF >= SHAKEN:
        return image
    angle = np.random.default_rng(index).uniform(0, np.pi)
    kernel = np.zeros((SHAKEN_BY + 2, SHAKEN_BY + 2), np.float32)
    centre, reach = (SHAKEN_BY + 1) / 2, SHAKEN_BY / 2 * np.array([np.cos(angle), np.sin(angle)])
    start, end = (tuple(np.rint(centre + side * reach).astype(int).tolist()) for side in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


CONDITIONS: dict[str, Callable[[Array, int], Array]] = {
    "as they are": lambda image, index: image,
    "JPEG of quality 8": _compressed,
    "dark": _dark,
    "foggy": _foggy,
    "defocused by 4 px": _defocused,
    f"{SHAKEN} of {OF} shaken by {SHAKEN_BY} px": _shaken,
}


@dataclass(frozen=True)
class Endured:
    """What one extractor's features made of a condition."""

    condition: str
    spec: str
    summary: RunSummary  # in RGB-D
    starts: Starts  # of one camera


class _Worsened:
    """A sequence whose images are worse than they were."""

    def __init__(self, sequence: Sequence, worsen: Callable[[Array, int], Array]) -> None:
        self.name, self.sensor, self.camera = sequence.name, sequence.sensor, sequence.camera
        self.truth, self.skipped = sequence.truth, sequence.skipped
        self._sequence, self._worsen = sequence, worsen

    def __len__(self) -> int:
        return len(self._sequence)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._sequence:
            yield replace(frame, image=self._worsen(frame.image, frame.index))


def track_conditions(data: Path, contenders: dict[str, ExtractorConfig]) -> list[Endured]:
    """The clip under all conditions with all extractors; nothing where it isn't there."""
    if not (data / TUM).exists():
        logger.warning("%s: no clip for worse images; expected %s", data, TUM)
        return []
    return [_track(data, condition, spec, config) for condition in CONDITIONS for spec, config in contenders.items()]


def conditions_section(endured: list[Endured]) -> str:
    """The results as a table."""
    return "\n".join([table(HEADINGS, [_cells(row) for row in endured]), "", LEGEND])


def _track(data: Path, condition: str, spec: str, extractor: ExtractorConfig) -> Endured:
    note(f"{condition}, with {spec}")
    views: dict[int, View] = {}
    sequence, frontend = open_clip(data, RGBD, extractor)
    worse = _Worsened(sequence, CONDITIONS[condition])
    result = run_whole(frontend, worse, lambda frame, located: views.update({frame.index: located.view}))
    flat = {index: replace(view, depth=np.full_like(view.depth, np.nan)) for index, view in views.items()}
    starts = measure_starts(
        flat, lambda start, limit: open_clip(data, replace(MONO, limit=limit), REPLAY, start), EVERY
    )
    return Endured(condition, spec, summarise(result, sequence.sensor, sequence.truth), starts)


def _cells(row: Endured) -> list[str]:
    error = f"{row.summary.online.ate.rmse:.4f} m" if row.summary.online else "-"
    pieces, begun, *rest = row.starts.row()
    return [row.condition, row.spec, f"{row.summary.located}/{row.summary.frames}", error, f"{begun}/{pieces}", *rest]
