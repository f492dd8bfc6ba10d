"""Bits as numbers, for hosts that know only descriptors of numbers."""

import math

import numpy as np

from slam_frontend.config import MatcherConfig
from slam_frontend.types import Array, Features


def as_floats(features: Features) -> Array:
    """Unit descriptors (N,D) float32; of bits, vectors whose distances order as the numbers of differing bits do."""
    if features.norm == "l2":
        return features.descriptors
    signs = np.unpackbits(features.descriptors, axis=1).astype(np.float32) * 2 - 1
    return signs / np.float32(np.sqrt(max(signs.shape[1], 1)))


def are_signs(descriptors: Array) -> bool:
    """Whether rows (N,D) of numbers were bits: their entries differ by the sign alone, but in rows of zeros."""
    sizes = np.abs(descriptors)
    return sizes.size > 0 and bool((sizes.max(axis=1) == sizes.min(axis=1)).all()) and bool(sizes.any())


def for_signs(matcher: MatcherConfig) -> MatcherConfig:
    """Limits of L2 that decide about signs as the matcher decides about their bits: L2 is twice the root of a share."""
    limits = {"ratio": math.sqrt(matcher.ratio), "max_distance_l2": 2 * math.sqrt(matcher.max_distance_hamming)}
    return matcher.model_copy(update=limits)
