"""How unlike descriptors are: L2 of unit rows, or the fraction of bits that differ."""

import numpy as np

from slam_frontend.types import Array, Norm

PAIRS_PER_BLOCK = 256


def all_distances(descriptors0: Array, descriptors1: Array, norm: Norm) -> Array:
    """Distances (N0,N1) float32 of every descriptor of 0 to every one of 1."""
    if norm == "l2":
        return _l2_from_cosines(descriptors0 @ descriptors1.T)
    signs0, signs1 = _signs(descriptors0), _signs(descriptors1)  # a product of signs counts bits faster than a table
    distances: Array = 0.5 - signs0 @ signs1.T * np.float32(0.5 / max(signs0.shape[1], 1))
    return distances


def pair_distances(descriptors0: Array, descriptors1: Array, pairs: Array, norm: Norm) -> Array:
    """Distances (P,) float32 of the descriptors that the rows (P,2) of ``pairs`` name."""
    if not len(pairs):
        return np.empty(0, np.float32)
    rows0, rows1 = pairs.T
    if norm == "l2":
        return _l2_from_cosines(_pair_cosines(descriptors0, descriptors1, rows0, rows1))
    word = np.uint64 if descriptors0.shape[1] % 8 == 0 else np.uint8
    words0 = np.ascontiguousarray(descriptors0).view(word)
    words1 = np.ascontiguousarray(descriptors1).view(word)
    bits = np.bitwise_count(words0.take(rows0, axis=0) ^ words1.take(rows1, axis=0)).sum(axis=1, dtype=np.uint16)
    fractions: Array = bits / np.float32(8 * max(descriptors0.shape[1], 1))
    return fractions


def _pair_cosines(descriptors0: Array, descriptors1: Array, rows0: Array, rows1: Array) -> Array:
    cosines = np.empty(len(rows0), np.float32)
    for start in range(0, len(rows0), PAIRS_PER_BLOCK):  # what is gathered stays in the cache: four times faster
        block = slice(start, start + PAIRS_PER_BLOCK)
        gathered0, gathered1 = descriptors0.take(rows0[block], axis=0), descriptors1.take(rows1[block], axis=0)
        cosines[block] = np.einsum("pd,pd->p", gathered0, gathered1)
    return cosines


def _l2_from_cosines(cosines: Array) -> Array:
    distances: Array = np.sqrt(np.maximum(2 - 2 * cosines, 0))
    return distances


def _signs(descriptors: Array) -> Array:
    signs: Array = np.unpackbits(descriptors, axis=1).astype(np.float32) * 2 - 1
    return signs
