"""The Python that RTAB-Map embeds: a detector and a matcher, each a script that it is pointed at."""

import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.adapters.binary import as_floats, for_signs
from slam_frontend.adapters.hloc import similarity
from slam_frontend.adapters.images import is_empty, to_grey
from slam_frontend.config import ExtractorConfig, MatcherConfig, parse_config
from slam_frontend.errors import OutputError
from slam_frontend.features import create_extractor
from slam_frontend.files import require_free, write_atomically
from slam_frontend.matching import create_matcher
from slam_frontend.types import Array, Features

DETECTOR, MATCHER = "slam_frontend_detector.py", "slam_frontend_matcher.py"
MARK = "# written by: slam-frontend export rtabmap"
NOTHING = np.zeros((64, 64), np.uint8)  # an image to find nothing in


class Detector:
    """Features as RTAB-Map reads them: by raw pointer, so the arrays must be theirs and in one piece."""

    def __init__(self, **settings: Any) -> None:
        self.extractor = create_extractor(
            parse_config(ExtractorConfig, settings, source="extractor").at_full_size().for_tracking()
        )

    def detect(self, image: Array) -> tuple[Array, Array]:
        """Keypoints (N,3) float32 as x, y, score and descriptors (N,D) float32 of an (H,W) uint8 image."""
        picture = NOTHING if is_empty(image) else np.array(to_grey(image))  # RTAB-Map frees its own after the call
        features = self.extractor.extract(picture)
        keypoints = np.column_stack([features.keypoints, features.scores])
        return _own(keypoints, np.float32), _own(as_floats(features), np.float32)


class PairMatcher:
    """Matches of the detector's descriptors."""

    def __init__(self, threshold: float, **settings: Any) -> None:
        self.threshold = threshold
        self.matcher = create_matcher(settings)

    def match(self, descriptors0: Array, descriptors1: Array) -> Array:
        """Rows (M,2) int32 of descriptors (N,D); int64 would be read a second time as int32."""
        found = self.matcher.match(_as_features(descriptors0), _as_features(descriptors1))
        return _own(found.indices[similarity(found.distances, "l2") >= self.threshold], np.int32)


def export_rtabmap(folder: Path, extractor: ExtractorConfig, matcher: MatcherConfig) -> list[Path]:
    """Write both scripts; OutputError rather than over a file that isn't ours."""
    if create_extractor(extractor).norm == "hamming":  # and so an extractor that can't be made is told of now
        matcher = for_signs(matcher)
    if extractor.weights is not None:  # RTAB-Map runs in a folder of its own
        extractor = extractor.model_copy(update={"weights": extractor.weights.absolute()})
    scripts = {
        DETECTOR: _script(DETECTOR_BODY, _differing(extractor)),
        MATCHER: _script(MATCHER_BODY, _differing(matcher)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in scripts.items():
            require_free(folder / name, text)  # both, before the first is written
    except OSError as error:
        raise OutputError(f"{folder}: can't be used ({error}); choose another folder") from error
    for name, text in scripts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in scripts]


def _differing(section: ExtractorConfig | MatcherConfig) -> dict[str, Any]:
    return {"name": section.name, **section.model_dump(mode="json", exclude_defaults=True)}


def _script(body: str, settings: dict[str, Any]) -> str:
    package = str(Path(__file__).parents[2])
    packages = list(dict.fromkeys([package, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))
    return body.format(mark=MARK, version=sys.version_info[:2], packages=packages, settings=settings)


def _own(array: Array, kind: type) -> Array:
    return np.array(array, dtype=kind, order="C", copy=True)


def _as_features(descriptors: Array) -> Features:
    count = len(descriptors)
    rows = np.asarray(descriptors, np.float32)
    return Features(np.zeros((count, 2), np.float32), np.ones(count), rows, "l2", np.ones(count))


HEAD = '''{mark}
"""{what}"""

import sys

if sys.version_info[:2] != {version}:
    raise ImportError("slam-frontend is installed for Python {version}, but RTAB-Map embeds " + sys.version)
sys.path += [path for path in {packages} if path not in sys.path]

from slam_frontend.adapters.rtabmap import {name}  # noqa: E402

settings = {settings}
'''
DETECTOR_BODY = (
    HEAD.replace("{name}", "Detector").replace("{what}", "PyDetector/Path of RTAB-Map.")
    + """detector = None


def init(cuda):
    global detector
    detector = Detector(**settings)


def detect(image):
    return detector.detect(image)
"""
)
MATCHER_BODY = (
    HEAD.replace("{name}", "PairMatcher").replace("{what}", "PyMatcher/Path of RTAB-Map.")
    + """matcher = None


def init(descriptor_dim, match_threshold, iterations, cuda, model):
    global matcher
    matcher = PairMatcher(match_threshold, **settings)


def match(kpts_from, kpts_to, scores_from, scores_to, desc_from, desc_to, image_width, image_height):
    return matcher.match(desc_from, desc_to)
"""
)
