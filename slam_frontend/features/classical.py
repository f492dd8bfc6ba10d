"""ORB, SIFT and FAST as SLAM needs them: spread over the image, at sub-pixel positions, without half-pixel shifts."""

from collections.abc import Callable
from itertools import repeat

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError
from slam_frontend.features.base import require_grey, require_no_options
from slam_frontend.features.corners import Corners, find_fast, find_foerstner, spread
from slam_frontend.types import Array, Features, Norm

NUM_LEVELS = 8
SCALE_FACTOR = 1.2
PATCH_RADIUS = 15  # of the patch whose intensity centroid gives the orientation
SIFT_CHOICE = 2  # times as many keypoints as wanted are described, to choose from them
SIFT_SIZE = 3.6  # keypoint diameter of cv2.SIFT's finest scale in the full image; its first octave is twice as fine

FindCorners = Callable[[Array, int], Corners]  # at most so many corners of a level


def create_orb(config: ExtractorConfig) -> "OrbExtractor":
    """Oriented corners on eight levels with 256-bit ORB descriptors."""
    _refuse_network(config)
    return OrbExtractor("orb", config.max_keypoints, NUM_LEVELS, find_foerstner)


def create_fast(config: ExtractorConfig) -> "OrbExtractor":
    """FAST corners of the full image, without a pyramid, with 256-bit ORB descriptors."""
    _refuse_network(config)
    return OrbExtractor("fast", config.max_keypoints, 1, find_fast)


def create_sift(config: ExtractorConfig) -> "SiftExtractor":
    """Lowe's blobs with 128 RootSIFT descriptors."""
    _refuse_network(config)
    return SiftExtractor(config.max_keypoints, bool(config.spread))


class OrbExtractor:
    """Corners of an image pyramid, spread over every level, with ORB descriptors."""

    norm: Norm = "hamming"

    def __init__(self, name: str, max_keypoints: int, num_levels: int, find: FindCorners) -> None:
        self.name = name
        self.max_keypoints = max_keypoints
        self.num_levels = num_levels
        self.find = find
        # Of one level at a time: it would build its own pyramid again. It drops keypoints nearer to the border.
        self.descriptor = cv2.ORB.create(edgeThreshold=PATCH_RADIUS, nlevels=1)

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        require_grey(image)
        levels = _pyramid(np.ascontiguousarray(image), self.num_levels)
        found = _find_on_all(levels, self.find, self.max_keypoints)
        if not any(len(corners) for corners in found):
            return _empty("hamming", np.empty((0, 32), np.uint8))
        octaves = np.repeat(np.arange(len(found)), [len(corners) for corners in found])
        descriptors = np.concatenate([self._describe(*pair) for pair in zip(levels, found, strict=True)])
        positions = np.concatenate([corners.pixels + corners.offsets for corners in found])
        keypoints = _to_full_image(positions, octaves, levels)
        scores = np.concatenate([corners.scores for corners in found])
        scales = (SCALE_FACTOR**octaves).astype(np.float32)
        return Features(keypoints, scores, descriptors, "hamming", scales).select(np.argsort(-scores, kind="stable"))

    def _describe(self, level: Array, corners: Corners) -> Array:
        if not len(corners):
            return np.empty((0, 32), np.uint8)
        x, y = corners.pixels.T.tolist()
        angles = _orientations(level, corners).tolist()
        kept, descriptors = self.descriptor.compute(level, list(map(cv2.KeyPoint, x, y, repeat(31.0), angles)))
        assert len(kept) == len(corners), "cv2.ORB dropped keypoints inside the border"
        return np.asarray(descriptors)


class SiftExtractor:
    """OpenCV's SIFT, the strongest or spread over the image, as square roots of unit-sum histograms (RootSIFT)."""

    name = "sift"
    norm: Norm = "l2"

    def __init__(self, max_keypoints: int, is_spread: bool) -> None:
        self.max_keypoints = max_keypoints
        self.is_spread = is_spread
        count = SIFT_CHOICE * max_keypoints if is_spread else max_keypoints
        # Without the precise enlargement all of its keypoints lie a quarter of a pixel too far right and down.
        self.sift = cv2.SIFT.create(count, enable_precise_upscale=True)

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        require_grey(image)
        found, descriptors = self.sift.detectAndCompute(np.ascontiguousarray(image), None)
        if not found:
            return _empty("l2", np.empty((0, 128), np.float32))
        keypoints = np.array([point.pt for point in found], np.float32)
        scores = np.array([point.response for point in found], np.float32)
        sizes = np.array([point.size for point in found], np.float32)
        best = np.argsort(-scores, kind="stable")[: self.max_keypoints]  # ties can exceed what was asked for
        if self.is_spread:
            chosen = spread(keypoints, scores, image.shape, self.max_keypoints)
            best = chosen[np.argsort(-scores[chosen], kind="stable")]
        return Features(keypoints[best], scores[best], _root(descriptors[best]), "l2", sizes[best] / SIFT_SIZE)


def _refuse_network(config: ExtractorConfig) -> None:
    require_no_options(config)
    given = {"weights": config.weights, "precision": config.precision, "runtime": config.runtime}
    for setting, value in given.items():
        if value not in (None, "auto"):
            raise ConfigError(
                f"extractor {config.name}: is no network, but was given {setting} {value}; leave that out"
            )


def _pyramid(image: Array, num_levels: int) -> list[Array]:
    """The levels at the sizes that cv2.ORB gives its own."""
    levels = [image]
    height, width = image.shape
    for octave in range(1, num_levels):
        size = (max(1, round(width / SCALE_FACTOR**octave)), max(1, round(height / SCALE_FACTOR**octave)))
        levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_LINEAR))
    return levels


def _find_on_all(levels: list[Array], find: FindCorners, count: int) -> list[Corners]:
    """Corners of every level, shared out in a geometric series; coarse levels pass on what they can't use."""
    weights = SCALE_FACTOR ** -np.arange(len(levels), dtype=float)
    found: list[Corners] = []
    for octave in reversed(range(len(levels))):
        left = count - sum(map(len, found))
        found.append(find(levels[octave], round(left * weights[octave] / weights[: octave + 1].sum())))
    return found[::-1]


def _orientations(level: Array, corners: Corners) -> Array:
    """The direction from each corner to the intensity centroid of its patch, in degrees from 0 to 360."""
    x, y = corners.pixels.T
    size = 2 * PATCH_RADIUS + 1
    shape = (level.shape[0] - size + 1, level.shape[1] - size + 1, size, size)
    windows = as_strided(level, shape, level.strides * 2)  # sliding_window_view takes as long as what follows
    patches = windows[y - PATCH_RADIUS, x - PATCH_RADIUS]  # (N,31,31)
    moments = patches.reshape(len(corners), -1).astype(np.float32) @ MOMENTS
    angles: Array = np.degrees(np.arctan2(moments[:, 1], moments[:, 0])) % 360
    return angles


def _moments() -> Array:
    """Weights (961,2) that sum a patch's pixels, inside a disc, to its first moments in x and y."""
    y, x = np.mgrid[-PATCH_RADIUS : PATCH_RADIUS + 1, -PATCH_RADIUS : PATCH_RADIUS + 1].astype(np.float32)
    disc = x**2 + y**2 <= (PATCH_RADIUS + 0.5) ** 2
    return np.stack([x * disc, y * disc], -1).reshape(-1, 2)


MOMENTS = _moments()


def _to_full_image(positions: Array, octaves: Array, levels: list[Array]) -> Array:
    """Positions in their levels as positions in the image: a level's pixel centres sit at half pixels of its scale."""
    height, width = levels[0].shape
    ratios = np.array([[width / level.shape[1], height / level.shape[0]] for level in levels])[octaves]
    keypoints: Array = ((positions + 0.5) * ratios - 0.5).astype(np.float32)
    return keypoints


def _root(descriptors: Array) -> Array:
    sums = np.maximum(descriptors.sum(1, keepdims=True), 1e-12)
    roots: Array = np.sqrt(descriptors / sums).astype(np.float32)
    return roots


def _empty(norm: Norm, descriptors: Array) -> Features:
    return Features(np.empty((0, 2), np.float32), np.empty(0, np.float32), descriptors, norm, np.empty(0, np.float32))
