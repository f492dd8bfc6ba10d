"""Mutual nearest neighbours with a ratio test."""

import numpy as np
import pytest

from slam_frontend.errors import ConfigError
from slam_frontend.matching import create_matcher
from slam_frontend.types import Array, Features


def features_of(descriptors: Array) -> Features:
    count = len(descriptors)
    keypoints = (np.arange(count)[:, None] * [7.0, 11.0]).astype(np.float32)
    norm = "l2" if descriptors.dtype == np.float32 else "hamming"
    return Features(keypoints, np.ones(count, np.float32), descriptors, norm, np.ones(count, np.float32))


def unit_rows(count: int, seed: int = 0) -> Array:
    rows = np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_shuffled_noisy_copy_is_matched_row_by_row() -> None:
    rows = unit_rows(500)
    truth = np.random.default_rng(1).permutation(500)
    noisy = rows[truth] + np.random.default_rng(2).normal(0, 0.03, rows.shape).astype(np.float32)
    noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
    matches = create_matcher("nearest").match(features_of(noisy), features_of(rows))
    assert len(matches) > 490
    np.testing.assert_array_equal(truth[matches.indices[:, 0]], matches.indices[:, 1])


def test_bit_strings_are_matched_by_the_bits_that_differ() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (300, 32), dtype=np.uint8)
    noisy = rows.copy()
    noisy[:, :3] ^= 0xFF  # 24 of 256 bits
    matches = create_matcher({}).match(features_of(rows), features_of(noisy))
    assert len(matches) == 300 and (matches.indices[:, 0] == matches.indices[:, 1]).all()
    np.testing.assert_allclose(matches.distances, 24 / 256, atol=1e-6)


def test_matches_are_one_to_one_even_where_many_look_alike() -> None:
    rows = np.repeat(unit_rows(20), 5, axis=0)
    matches = create_matcher({"ratio": 1.0}).match(features_of(rows), features_of(rows))
    assert len(np.unique(matches.indices[:, 0])) == len(np.unique(matches.indices[:, 1])) == len(matches) > 0


def test_a_descriptor_with_two_look_alikes_fails_the_ratio_test() -> None:
    rows = unit_rows(10)
    doubled = np.concatenate([rows, rows[:1]])
    matches = create_matcher({}).match(features_of(rows), features_of(doubled))
    np.testing.assert_array_equal(matches.indices[:, 0], np.arange(1, 10))


@pytest.mark.parametrize(("ratio", "expected"), [(0.9, []), (1.0, [[0, 0]])])
def test_one_of_two_look_alikes_matches_only_without_a_ratio_test(ratio: float, expected: list[list[int]]) -> None:
    angles = np.array([0.0, 0.30, 0.31])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    matches = create_matcher({"ratio": ratio}).match(features_of(rows[:1]), features_of(rows[1:]))
    assert matches.indices.tolist() == expected


def test_what_is_too_far_is_no_match() -> None:
    matcher = create_matcher({"ratio": 1.0, "max_distance_l2": 0.5})
    assert len(matcher.match(features_of(unit_rows(50)), features_of(unit_rows(50, seed=9)))) == 0


@pytest.mark.parametrize("counts", [(0, 0), (0, 4), (4, 0)])
def test_no_features_give_no_matches(counts: tuple[int, int]) -> None:
    matches = create_matcher({}).match(features_of(unit_rows(counts[0])), features_of(unit_rows(counts[1])))
    assert matches.indices.shape == (0, 2) and matches.distances.shape == (0,)


def test_a_single_feature_on_each_side_matches() -> None:
    matches = create_matcher({}).match(features_of(unit_rows(1)), features_of(unit_rows(1)))
    np.testing.assert_array_equal(matches.indices, [[0, 0]])


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    descriptors = rng.integers(0, 256, (2, 300, 4), np.uint8)  # so short that many are alike
    both = [features_of(rows) for rows in descriptors]
    expected = create_matcher({"ratio": 1.0}).match(*both)
    monkeypatch.setattr("slam_frontend.matching.nearest.ROWS_PER_BLOCK", 64)
    found = create_matcher({"ratio": 1.0}).match(*both)
    assert len(expected) > 50
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)


@pytest.mark.parametrize("other", [unit_rows(5)[:, :32], np.zeros((5, 32), np.uint8)])
def test_descriptors_of_two_kinds_are_refused(other: Array) -> None:
    with pytest.raises(ConfigError, match=r"expected descriptors of one kind, found .* and 32 numbers"):
        create_matcher({}).match(features_of(unit_rows(5)), features_of(other))
