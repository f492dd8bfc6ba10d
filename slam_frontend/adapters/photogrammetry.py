"""Features and matches of a folder of photographs, as hloc and COLMAP both want them."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slam_frontend import __version__
from slam_frontend.adapters.collection import Pair
from slam_frontend.adapters.workbench import MADE_FROM, Workbench
from slam_frontend.config import ExtractorConfig, MatcherConfig
from slam_frontend.datasets.pictures import read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.features import create_extractor, extract_at_most
from slam_frontend.matching import create_matcher
from slam_frontend.types import Array, Features, Matches
from slam_frontend.watch import Watch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What to export, and with which features."""

    images: Path
    names: tuple[str, ...]
    pairs: list[Pair]
    out: Path
    extractor: ExtractorConfig
    matcher: MatcherConfig
    max_size: int | None = None

    def settings(self, host: str, **more: Any) -> dict[str, Any]:
        """What must be the same for an export to go on where it was."""
        sections = {"extractor": self.extractor, "matcher": self.matcher}
        dumps = {name: section.model_dump(mode="json") for name, section in sections.items()}
        return {
            "host": host,
            **{f"{section}.{key}": value for section, dump in dumps.items() for key, value in dump.items()},
            "largest size": self.max_size,
            "weights, or version": self._weights(),
            "list of images": _digest(self.names),
            MADE_FROM: _digest(self.state(name) for name in self.names),
            "list of pairs": _digest(f"{name0} {name1}" for name0, name1 in self.pairs),
            **more,
        }

    def state(self, name: str) -> str:
        """What changes with an image's file: its size and when it was written; nothing of a link that leads nowhere."""
        try:
            found = (self.images / name).stat()
        except OSError:
            return ""
        return f"{found.st_size} {found.st_mtime_ns}"

    def _weights(self) -> str:
        """What tells the features from those of other weights under the same name, or of another version."""
        weights = self.extractor.weights
        if weights is None or not weights.is_file():
            return __version__
        return hashlib.sha256(weights.read_bytes()).hexdigest()[:8]


@dataclass(frozen=True)
class Report:
    """What an export consists of."""

    images: int
    skipped: tuple[str, ...]  # a sentence for each image that couldn't be used
    keypoints: int
    pairs: int
    matches: int


class Material:
    """Features and matches of a job, found once and kept on its bench; with a ``size`` (width, height) of the images
    that have it."""

    def __init__(self, job: Job, bench: Workbench, watch: Watch, size: tuple[int, int] | None = None) -> None:
        self.job, self.bench, self.size = job, bench, size
        self.numbers = {name: number for number, name in enumerate(job.names)}
        self.skipped: dict[str, str] = {}
        self.states = {number: job.state(name) for name, number in self.numbers.items()}
        self._extract(watch)
        self._match(watch)

    def features(self) -> Iterator[tuple[str, Features, tuple[int, int]]]:
        """Each image that could be read, with its features and its width and height."""
        for name, number in self.numbers.items():
            if name not in self.skipped:
                yield name, *self.bench.features(number)

    def matches(self) -> Iterator[tuple[str, str, Matches]]:
        """Each pair of the job whose images could be read, with its matches."""
        for name0, others in self._grouped().items():
            found = self.bench.matches(self.numbers[name0], self.states)
            yield from ((name0, name1, found[self.numbers[name1]]) for name1 in others)

    def _extract(self, watch: Watch) -> None:
        job, extractor = self.job, create_extractor(self.job.extractor)
        for name, number in self.numbers.items():
            watch("features", number, len(self.numbers))
            if self.bench.has_features(number, self.states[number]):
                continue
            try:
                image = self._read(job.images / name)
            except SequenceError as error:
                logger.warning("%s; it is left out", error)
                self.skipped[name] = str(error)
                continue
            found = extract_at_most(extractor, image, job.max_size)
            self.bench.keep_features(number, found, (image.shape[1], image.shape[0]), self.states[number])
        watch("features", len(self.numbers), len(self.numbers))
        if len(self.skipped) == len(job.names):
            raise SequenceError(f"{job.images}: not one of {len(job.names)} images can be read")

    def _read(self, path: Path) -> Array:
        image, _ = read_picture(path, upright=False)  # as COLMAP and hloc read it
        if self.size not in (None, image.shape[::-1]):
            expected = "{}x{}".format(*self.size or ())
            raise SequenceError(f"{path}: is {image.shape[1]}x{image.shape[0]}, expected the camera's {expected}")
        return image

    def _match(self, watch: Watch) -> None:
        matcher, done, total = create_matcher(self.job.matcher), 0, len(self.job.pairs)
        groups = self._grouped()
        if not groups:
            logger.warning(
                "%s: there is nothing to match, only keypoints are exported; expected two images that can be read, "
                "and a line for them in a file of pairs",
                self.job.images,
            )
        for name0, others in groups.items():
            number = self.numbers[name0]
            kept = self.bench.matches(number, self.states)
            missing = [self.numbers[name1] for name1 in others if self.numbers[name1] not in kept]
            if missing:  # all of them, or images that couldn't be read before or have changed since
                first = self.bench.features(number)[0]
                found = {second: matcher.match(first, self.bench.features(second)[0]) for second in missing}
                self.bench.keep_matches(number, kept | found, self.states)
            done += len(others)
            watch("matches", done, total)

    def _grouped(self) -> dict[str, list[str]]:
        groups = defaultdict(list)
        for name0, name1 in self.job.pairs:
            if name0 not in self.skipped and name1 not in self.skipped:
                groups[name0].append(name1)
        return groups


def _digest(lines: Iterable[str]) -> str:
    listed = list(lines)
    return f"{len(listed)} ({hashlib.sha256('|'.join(listed).encode()).hexdigest()[:8]})"
