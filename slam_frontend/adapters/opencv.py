"""Our features as a ``cv2.Feature2D``, for whatever takes OpenCV's detectors."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from slam_frontend.config import ExtractorConfig, parse_config
from slam_frontend.errors import FrontendError
from slam_frontend.features import Extractor, create_extractor
from slam_frontend.types import Array, Features

PATCH_SIZE = 31.0  # diameter that cv2.ORB gives its keypoints on the first level
SAME_POINT = 1e-3  # pixels
keep_forever: Callable[[Any], object] = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_IncRef", ctypes.pythonapi))


@runtime_checkable
class Describer(Protocol):
    """An extractor that can also describe positions which somebody else found."""

    def describe(self, image: Array, keypoints: Array) -> Array:
        """Descriptors (N,D) of an (H,W) uint8 grey image at keypoints (N,2)."""
        ...


class KeypointError(FrontendError):
    """Keypoints of another detector were given to an extractor that describes only its own."""


class Feature2D(cv2.Feature2D):  # type: ignore[misc]
    """Any extractor of the registry with OpenCV's methods; settings are those of the extractor section.

    A mask filters what was found, so it can leave fewer than ``max_keypoints``. OpenCV's C++ code doesn't
    see Python's methods: give it the keypoints and descriptors, not this object.
    """

    def __init__(self, name: str = "superpoint", extractor: Extractor | None = None, **settings: Any) -> None:
        super().__init__()
        config = parse_config(ExtractorConfig, {"name": name, **settings}, source="Feature2D")
        self.extractor = extractor or create_extractor(config)
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
        """The same keypoints and their descriptors, None without keypoints; KeypointError where it can't be done."""
        if not len(keypoints):
            return [], None
        grey = to_grey(image)
        positions = np.array([point.pt for point in keypoints], np.float32)
        if isinstance(self.extractor, Describer):
            return list(keypoints), self.extractor.describe(grey, positions)
        return list(keypoints), self._own_descriptors(grey, positions)

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
        if image is None or image.size == 0:
            return [], None
        features = self.extractor.extract(to_grey(image))
        if mask is not None:
            features = features.select(is_allowed(features.keypoints, mask))
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
        features = self.extractor.extract(grey)
        rows = [np.linalg.norm(features.keypoints - position, axis=1) for position in positions]
        nearest = [int(gaps.argmin()) if len(gaps) and gaps.min() < SAME_POINT else -1 for gaps in rows]
        foreign = nearest.count(-1)
        if foreign:
            raise KeypointError(
                f"{foreign} of {len(positions)} keypoints are not {self.extractor.name}'s own in this image, and it "
                "describes no others; use detectAndCompute, or an extractor that can describe, such as superpoint"
            )
        return features.descriptors[nearest]


def to_keypoints(features: Features) -> list[cv2.KeyPoint]:
    """Features as OpenCV's keypoints; both count from the centre of the first pixel."""
    columns = features.keypoints.tolist(), features.scales.tolist(), features.scores.tolist()
    return [cv2.KeyPoint(x, y, PATCH_SIZE * scale, -1.0, score) for (x, y), scale, score in zip(*columns, strict=True)]


def to_grey(image: Array) -> Array:
    """The (H,W) uint8 grey image of a grey, BGR or BGRA one."""
    if image.dtype != np.uint8:
        raise FrontendError(f"expected an image of uint8, found {image.dtype}; convert it first")
    if image.ndim == 2:
        return image
    codes = {1: None, 3: cv2.COLOR_BGR2GRAY, 4: cv2.COLOR_BGRA2GRAY}
    if image.ndim != 3 or image.shape[2] not in codes:
        raise FrontendError(f"expected a grey, BGR or BGRA image, found the shape {image.shape}")
    code = codes[image.shape[2]]
    return image[:, :, 0] if code is None else np.asarray(cv2.cvtColor(image, code))


def is_allowed(keypoints: Array, mask: Array) -> Array:
    """(N,) bool: keypoints whose pixel is not zero in the mask (H,W)."""
    columns, rows = np.rint(keypoints).astype(np.int64).T
    return np.asarray(mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)] != 0)
