"""Descriptors between numbers and bits, for hosts that know only one of them."""

import math

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.features import Extractor
from slam_frontend.types import Array, Features, Norm

NUM_BITS = 256
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


def binarise(descriptors: Array, num_bits: int = NUM_BITS) -> Array:
    """Bit strings (N,num_bits/8) uint8 of unit descriptors (N,D): on which side of fixed planes they lie.

    The share of differing bits grows with the angle (Charikar 2002).
    """
    bits: Array = np.packbits(descriptors @ _planes(descriptors.shape[1], num_bits).T > 0, axis=1)
    return bits


def as_floats(features: Features) -> Array:
    """Unit descriptors (N,D) float32; of bits, vectors whose distances order as the numbers of differing bits do."""
    if features.norm == "l2":
        return features.descriptors
    signs = np.unpackbits(features.descriptors, axis=1).astype(np.float32) * 2 - 1
    return signs / np.float32(np.sqrt(max(signs.shape[1], 1)))


def for_signs(matcher: MatcherConfig) -> MatcherConfig:
    """Limits of L2 that decide about signs as the matcher decides about their bits: L2 is twice the root of a share."""
    limits = {"ratio": math.sqrt(matcher.ratio), "max_distance_l2": 2 * math.sqrt(matcher.max_distance_hamming)}
    return matcher.model_copy(update=limits)


def _planes(width: int, num_bits: int) -> Array:
    """Normals (num_bits,D), the same on every machine: the stream of RandomState never changes."""
    normals = np.random.RandomState(SEED).standard_normal((num_bits, width))
    # What all positive descriptors (SIFT's) share would decide most bits alike.
    return np.asarray(normals - normals.mean(axis=1, keepdims=True), np.float32)
