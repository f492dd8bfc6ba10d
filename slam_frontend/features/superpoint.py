"""SuperPoint behind the extractor's one call."""

from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError, WeightsError
from slam_frontend.models.decode import find_keypoints, sample_descriptors, sharpen
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime import Runtime, create_runtime
from slam_frontend.types import Array, Features, Norm

LEARNED = ("superpoint", "superpoint-fast")


class SuperPointExtractor:
    """Finds and describes keypoints with a trained network."""

    norm: Norm = "l2"

    def __init__(self, name: str, runtime: Runtime, config: ExtractorConfig) -> None:
        self.name = name
        self._runtime = runtime
        self._config = config
        self._threshold = config.threshold or runtime.card.threshold
        self._sharpen = bool(config.options.get("sharpen", runtime.card.sharpen))

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at sub-pixel positions."""
        heatmap, coarse = self._runtime.run(_prepare(image))
        heatmap = heatmap[: image.shape[0], : image.shape[1]]
        if self._sharpen:
            heatmap = sharpen(heatmap, image)
        config = self._config
        keypoints, scores = find_keypoints(
            heatmap, config.max_keypoints, self._threshold, config.nms_radius, config.border
        )
        descriptors = sample_descriptors(coarse, keypoints)
        return Features(keypoints, scores, descriptors, self.norm, np.ones(len(scores), np.float32))

    def describe(self, image: Array, keypoints: Array) -> Array:
        """Descriptors (N,D) of an (H,W) uint8 grey image at keypoints (N,2) that come from anywhere."""
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
    runtime = create_runtime(config.runtime, config.precision, config.weights or shipped_weights(name))
    return SuperPointExtractor(name, runtime, config)


def _prepare(image: Array) -> Array:
    """The image with its edge repeated to whole cells."""
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ConfigError(f"expected a grey image (H,W) uint8, found {image.shape} {image.dtype}; convert it first")
    bottom, right = (-side % CELL for side in image.shape)
    if not bottom and not right:
        return np.ascontiguousarray(image)
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
