"""Our features as a ``cv2.Feature2D``, for whatever takes OpenCV's detectors."""

import ctypes
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from slam_frontend.adapters.images import is_allowed, is_empty, is_inside, to_grey, to_mask
from slam_frontend.config import ExtractorConfig, parse_config
from slam_frontend.errors import FrontendError
from slam_frontend.features import Describer, Extractor, create_extractor, parse_features
from slam_frontend.types import Array, Features

PATCH_SIZE = 31.0  # diameter that cv2.ORB gives its keypoints on the first level
SAME_POINT = 1e-3  # pixels
keep_forever: Callable[[Any], object] = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_IncRef", ctypes.pythonapi))


class KeypointError(FrontendError):
    """Keypoints of another detector were given to an extractor that describes only its own."""


class Feature2D(cv2.Feature2D):  # type: ignore[misc]
    """Any extractor of the registry with OpenCV's methods; settings are those of the extractor section.

    A mask filters what was found, so it can leave fewer than ``max_keypoints``. OpenCV's C++ code doesn't
    see Python's methods: give it the keypoints and descriptors, not this object.
    """

    def __init__(self, name: str = "superpoint-fast", extractor: Extractor | None = None, **settings: Any) -> None:
        super().__init__()
        config = parse_config(ExtractorConfig, {**parse_features(name), **settings}, source="Feature2D")
        # ``compute`` describes at full size, and must say what ``detectAndCompute`` said.
        self.extractor = extractor or create_extractor(config.at_full_size().for_tracking())
        self._width: int | None = None

    def __del__(self, keep: Callable[[Any], object] = keep_forever) -> None:
        # OpenCV frees its base class with another allocator than Python's subclasses come from, and crashes:
        # everything goes but the empty object.
        self.__dict__.clear()
        keep(self)

    def detect(self, image: Array, mask: Array | None = None) -> list[cv2.KeyPoint]:  # type: ignore[override]
        """Keypoints, best first."""
        return self.detectAndCompute(image, mask)[0]

    def compute(  # type: ignore[override]
        self, image: Array, keypoints: Sequence[cv2.KeyPoint], descriptors: Array | None = None
    ) -> tuple[list[cv2.KeyPoint], Array | None]:
        """The keypoints inside the image and their descriptors, None without any; KeypointError where an extractor
        that describes only its own is given others."""
        if not len(keypoints):
            return [], None
        grey = to_grey(image)
        inside = [point for point in keypoints if is_inside(point.pt, grey)]
        if not inside:
            return [], None
        positions = np.array([point.pt for point in inside], np.float32)
        describe = self.extractor.describe if isinstance(self.extractor, Describer) else self._own_descriptors
        return inside, describe(grey, positions)

    def detectAndCompute(  # type: ignore[override]
        self,
        image: Array,
        mask: Array | None = None,
        descriptors: Array | None = None,
        useProvidedKeypoints: bool = False,
        keypoints: Sequence[cv2.KeyPoint] = (),
    ) -> tuple[list[cv2.KeyPoint], Array | None]:
        """Keypoints, best first, and descriptors, None without keypoints; ``keypoints`` are the provided ones."""
        if useProvidedKeypoints:
            return self.compute(image, keypoints)
        if is_empty(image):
            return [], None
        grey = to_grey(image)
        features = self.extractor.extract(grey)
        if not is_empty(mask):
            features = features.select(is_allowed(features.keypoints, to_mask(mask, grey.shape)))
        return to_keypoints(features), features.descriptors if len(features) else None

    def descriptorSize(self) -> int:
        """Numbers, or bytes, of a descriptor."""
        if self._width is None:  # an empty result has its width too
            self._width = self.extractor.extract(np.zeros((64, 64), np.uint8)).descriptors.shape[1]
        return self._width

    def descriptorType(self) -> int:
        """What a descriptor consists of."""
        return int(cv2.CV_32F if self.extractor.norm == "l2" else cv2.CV_8U)

    def defaultNorm(self) -> int:
        """The norm to match with."""
        return int(cv2.NORM_L2 if self.extractor.norm == "l2" else cv2.NORM_HAMMING)

    def empty(self) -> bool:
        """False: an extractor is always ready."""
        return False

    def getDefaultName(self) -> str:
        """The name that OpenCV would store its settings under."""
        return f"Feature2D.slam-frontend.{self.extractor.name}"

    def _own_descriptors(self, grey: Array, positions: Array) -> Array:
        """Of several features at one place, as SIFT has them, each keypoint there gets the next one."""
        features = self.extractor.extract(grey)
        gaps = (np.linalg.norm(features.keypoints - position, axis=1) for position in positions)
        there = [np.flatnonzero(found < SAME_POINT).tolist() for found in gaps]
        foreign = there.count([])
        if foreign:
            raise KeypointError(
                f"{foreign} of {len(positions)} keypoints are not {self.extractor.name}'s own in this image, and it "
                "describes no others; use detectAndCompute, or an extractor that can describe, such as superpoint"
            )
        turns: Counter[int] = Counter()
        chosen = []
        for rows in there:
            chosen.append(rows[turns[rows[0]] % len(rows)])
            turns[rows[0]] += 1
        return features.descriptors[chosen]


def to_keypoints(features: Features) -> list[cv2.KeyPoint]:
    """Features as OpenCV's keypoints; both count from the centre of the first pixel."""
    columns = features.keypoints.tolist(), features.scales.tolist(), features.scores.tolist()
    return [cv2.KeyPoint(x, y, PATCH_SIZE * scale, -1.0, score) for (x, y), scale, score in zip(*columns, strict=True)]
