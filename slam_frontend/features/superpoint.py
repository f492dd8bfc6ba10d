"""SuperPoint behind the extractor's one call."""

from importlib import resources
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from slam_frontend.config import PHOTO_SCALES, ExtractorConfig
from slam_frontend.errors import WeightsError
from slam_frontend.features.base import enlarge, require_grey, require_no_options
from slam_frontend.models.decode import find, sample_descriptors
from slam_frontend.models.keypoints import FoundKeypoints, WantedKeypoints
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime import FindsKeypoints, Runtime, create_runtime
from slam_frontend.types import Array, Features, Norm

FAINT = 0.6  # of the card's threshold: blurred images have enough points then, and sharp ones no worse poses
MIN_SIDE = 64  # pixels; a smaller image has no room for what the network looks at
LEARNED = ("superpoint", "superpoint-fast")


class SuperPointExtractor:
    """Finds and describes keypoints with a trained network, for one thread after the other."""

    norm: Norm = "l2"

    def __init__(self, name: str, runtime: Runtime, config: ExtractorConfig) -> None:
        self.name = name
        self._runtime = runtime
        self._asking = Lock()  # an answer of the runtime holds until its next call
        self._config = config
        self._wanted = WantedKeypoints(
            config.max_keypoints,
            config.threshold or runtime.card.threshold * (FAINT if config.faint else 1),
            config.nms_radius,
            config.border,
            runtime.card.sharpen if config.sharpen is None else config.sharpen,
        )
        self._find = runtime.find if isinstance(runtime, FindsKeypoints) else self._find_in_answer

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at sub-pixel positions."""
        require_grey(image)
        levels = _resized(image, self._config.scales or PHOTO_SCALES)
        left, found = self._wanted.at_most, []
        for index in reversed(range(len(levels))):  # each by its pixels; coarse ones pass on what they can't use
            share = levels[index].size / sum(level.size for level in levels[: index + 1])
            features = self._extract_level(levels[index], round(left * share))
            left -= len(features)
            found.append(enlarge(features, levels[index].shape, image.shape))
        return found[0] if len(found) == 1 else _merge(found)

    def _extract_level(self, image: Array, count: int) -> Features:
        with self._asking:
            found = self._find(image, self._wanted, count)
        ones = np.ones(len(found.scores), np.float32)
        return Features(found.positions, found.scores, found.descriptors, self.norm, ones)

    def _find_in_answer(self, image: Array, wanted: WantedKeypoints, count: int) -> FoundKeypoints:
        return find(*self._runtime.run(_prepare(image)), image, wanted._replace(at_most=count))

    def describe(self, image: Array, keypoints: Array) -> Array:
        """Descriptors (N,D) of an (H,W) uint8 grey image at keypoints (N,2) that come from anywhere."""
        require_grey(image)
        with self._asking:
            _, coarse = self._runtime.run(_prepare(image))
            return sample_descriptors(coarse, np.asarray(keypoints, np.float32))


def create_superpoint(config: ExtractorConfig) -> SuperPointExtractor:
    """The paper's network with the weights of the config, or the shipped ones."""
    return _create("superpoint", config)


def create_superpoint_fast(config: ExtractorConfig) -> SuperPointExtractor:
    """The small network for real time on a CPU, with the weights of the config or the shipped ones."""
    return _create("superpoint-fast", config)


def shipped_weights(name: str) -> Path:
    """The checkpoint of that name in the package, or WeightsError."""
    path = Path(str(resources.files("slam_frontend") / "weights")) / f"{name.replace('-', '_')}.pt"
    if not path.exists():
        raise WeightsError(
            f"no trained weights of {name} ship with this version; give extractor.weights a checkpoint, "
            "train one with `slam-frontend train all`, or choose another extractor"
        )
    return path


def _create(name: str, config: ExtractorConfig) -> SuperPointExtractor:
    require_no_options(config)
    runtime = create_runtime(config.runtime, config.precision, config.weights or shipped_weights(name))
    return SuperPointExtractor(name, runtime, config)


def _resized(image: Array, scales: tuple[float, ...]) -> list[Array]:
    """The image at some of its sizes, the greatest first; but for that, none without a few cells on each side."""
    height, width = image.shape
    greatest, *smaller = sorted(scales, reverse=True)
    wanted = [greatest, *(scale for scale in smaller if min(image.shape) * scale >= MIN_SIDE)]
    sizes = [(round(width * scale), round(height * scale)) for scale in wanted]
    return [
        image if size == (width, height) else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        for size in sizes
    ]


def _merge(found: list[Features]) -> Features:
    names = ("keypoints", "scores", "descriptors", "scales")
    together = {name: np.concatenate([getattr(one, name) for one in found]) for name in names}
    merged = Features(norm=found[0].norm, **together)
    return merged.select(np.argsort(-merged.scores, kind="stable"))


def _prepare(image: Array) -> Array:
    """The image with its edge repeated to whole cells."""
    bottom, right = (-side % CELL for side in image.shape)
    if not bottom and not right:
        return np.ascontiguousarray(image)
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
