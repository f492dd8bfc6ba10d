"""What an extractor is to the rest of the package."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError, PluginError
from slam_frontend.types import Array, Features, Norm


class Extractor(Protocol):
    """Finds and describes keypoints."""

    name: str
    norm: Norm

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        ...


@runtime_checkable
class Describer(Protocol):
    """An extractor that can also describe positions which somebody else found."""

    def describe(self, image: Array, keypoints: Array) -> Array:
        """Descriptors (N,D) of an (H,W) uint8 grey image at keypoints (N,2)."""
        ...


def require_grey(image: Array) -> None:
    """ConfigError for what is no (H,W) uint8 image with something in it."""
    if not isinstance(image, np.ndarray):
        raise ConfigError(f"expected a grey image (H,W) uint8, found {image!r:.40}; could its file be read?")
    if image.ndim != 2 or image.dtype != np.uint8 or not image.size:
        raise ConfigError(f"expected a grey image (H,W) uint8, found {image.shape} {image.dtype}; convert it first")


def require_no_options(config: ExtractorConfig) -> None:
    """ConfigError where options were given to an extractor of this package: none of them reads any."""
    if config.options:
        raise ConfigError(
            f"extractor.options: {config.name} reads none, found {', '.join(config.options)}; leave them out"
        )


def require_features(features: Features, name: str) -> Features:
    """What the extractor of that name found, or PluginError where it isn't a row of numbers for each keypoint."""
    if not isinstance(features, Features):
        raise PluginError(f"the extractor {name!r} gave a {type(features).__name__}; expected Features")
    fields = ("keypoints", "scores", "descriptors", "scales")
    shapes = [array.shape if isinstance(array := getattr(features, field), np.ndarray) else () for field in fields]
    if shapes[0][:1] == (0,):
        return features
    count, width = (*shapes[2], 0, 0)[:2]
    if shapes != [(count, 2), (count,), (count, width), (count,)]:
        found = ", ".join(f"{field} {shape or 'no array'}" for field, shape in zip(fields, shapes, strict=True))
        expected = "keypoints (N,2), scores (N,), descriptors (N,D), scales (N,)"
        raise PluginError(f"the extractor {name!r} gave {found}; expected the arrays {expected}")
    if not np.isfinite(features.keypoints).all():
        raise PluginError(f"the extractor {name!r} gave keypoints that are no numbers; expected pixels")
    return features


def enlarge(features: Features, shape: tuple[int, ...], full: tuple[int, ...]) -> Features:
    """Features of a smaller image (H,W) at their places in the full one; a pixel's centre is half a pixel from its edge
    at either size. A scale, one number, grows by the mean of both sides."""
    if shape == full:
        return features
    ratio = np.array([full[1] / shape[1], full[0] / shape[0]], np.float32)
    keypoints = (features.keypoints + np.float32(0.5)) * ratio - np.float32(0.5)
    return replace(features, keypoints=keypoints, scales=features.scales * ratio.mean())


def extract_at_most(extractor: Extractor, image: Array, max_size: int | None, scaled: bool = True) -> Features:
    """Features, in pixels of the image, of a copy whose longer side has at most ``max_size`` pixels; without ``scaled``
    their scales are those of the copy's pyramid."""
    require_grey(image)
    height, width = image.shape
    if max_size is None or max(height, width) <= max_size:
        return require_features(extractor.extract(image), extractor.name)
    shrink = max_size / max(height, width)
    size = max(round(width * shrink), 1), max(round(height * shrink), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    features = require_features(extractor.extract(small), extractor.name)
    enlarged = enlarge(features, small.shape, image.shape)
    return enlarged if scaled else replace(enlarged, scales=features.scales)
