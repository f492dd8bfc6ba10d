"""Descriptors as bits, for whatever compares bits only."""

import numpy as np

from slam_frontend.features.base import Describer, Extractor
from slam_frontend.types import Array, Features, Norm

NUM_BITS = 256  # as many as ORB's, for whatever reads nothing else
SEED = 20180521


class BinaryExtractor:
    """Any extractor with its descriptors turned into bits, for stella_vslam, DBoW and others of ORB's family."""

    norm: Norm = "hamming"

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.name = f"binary-{extractor.name}"

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        found = self.extractor.extract(image)
        if found.norm == "hamming":
            return found
        return Features(found.keypoints, found.scores, binarise(found.descriptors), "hamming", found.scales)


class BinaryDescriber(BinaryExtractor):
    """The same of an extractor that describes positions of others too."""

    def describe(self, image: Array, keypoints: Array) -> Array:
        """Bit strings (N,32) uint8 of an (H,W) uint8 grey image at keypoints (N,2) that come from anywhere."""
        assert isinstance(self.extractor, Describer)
        described = self.extractor.describe(image, keypoints)
        return described if self.extractor.norm == "hamming" else binarise(described)


def to_binary(extractor: Extractor) -> Extractor:
    """The extractor with bits for descriptors, which describes what it did."""
    return BinaryDescriber(extractor) if isinstance(extractor, Describer) else BinaryExtractor(extractor)


def binarise(descriptors: Array) -> Array:
    """Bit strings (N,32) uint8 of unit descriptors (N,D): on which side of fixed planes they lie.

    The share of differing bits grows with the angle (Charikar 2002).
    """
    bits: Array = np.packbits(descriptors @ _planes(descriptors.shape[1]).T > 0, axis=1)
    return bits


def _planes(width: int) -> Array:
    """Normals (256,D), the same on every machine: the stream of RandomState never changes."""
    normals = np.random.RandomState(SEED).standard_normal((NUM_BITS, width))
    # What all positive descriptors (SIFT's) share would decide most bits alike.
    return np.asarray(normals - normals.mean(axis=1, keepdims=True), np.float32)
