"""Distances of descriptors against their definitions."""

import numpy as np
import pytest

from slam_frontend.matching.distances import all_distances, pair_distances


@pytest.mark.parametrize("num_bytes", [32, 61, 1])
def test_hamming_distances_are_the_fraction_of_bits_that_differ(num_bytes: int) -> None:
    rng = np.random.default_rng(0)
    descriptors0, descriptors1 = rng.integers(0, 256, (2, 40, num_bytes), dtype=np.uint8)
    expected = np.unpackbits(descriptors0[:, None] ^ descriptors1[None], axis=2).mean(2)
    np.testing.assert_allclose(all_distances(descriptors0, descriptors1, "hamming"), expected, atol=1e-6)
    pairs = rng.integers(0, 40, (1000, 2))
    of_pairs = pair_distances(descriptors0, descriptors1, pairs, "hamming")
    np.testing.assert_allclose(of_pairs, expected[pairs[:, 0], pairs[:, 1]], atol=1e-6)


def test_l2_distances_are_euclidean() -> None:
    rng = np.random.default_rng(0)
    descriptors0, descriptors1 = rng.normal(size=(2, 40, 64)).astype(np.float32)
    descriptors0 /= np.linalg.norm(descriptors0, axis=1, keepdims=True)
    descriptors1 /= np.linalg.norm(descriptors1, axis=1, keepdims=True)
    expected = np.linalg.norm(descriptors0[:, None] - descriptors1[None], axis=2)
    np.testing.assert_allclose(all_distances(descriptors0, descriptors1, "l2"), expected, atol=1e-3)
    pairs = rng.integers(0, 40, (1000, 2))
    of_pairs = pair_distances(descriptors0, descriptors1, pairs, "l2")
    np.testing.assert_allclose(of_pairs, expected[pairs[:, 0], pairs[:, 1]], atol=1e-3)


@pytest.mark.parametrize("norm, dtype", [("l2", np.float32), ("hamming", np.uint8)])
def test_empty_sets_give_empty_distances(norm: str, dtype: type) -> None:
    assert all_distances(np.empty((0, 32), dtype), np.ones((5, 32), dtype), norm).shape == (0, 5)
    pairs = np.empty((0, 2), np.int64)
    assert pair_distances(np.ones((3, 32), dtype), np.ones((5, 32), dtype), pairs, norm).shape == (0,)
