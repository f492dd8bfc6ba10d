"""Descriptors as bits, and bits as descriptors."""

import numpy as np
import pytest

from slam_frontend.adapters.binary import as_floats, for_signs
from slam_frontend.config import MatcherConfig
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.errors import PluginError
from slam_frontend.features import BinaryExtractor, Describer, binarise, create_extractor
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import backproject, project
from slam_frontend.matching import create_matcher
from slam_frontend.types import Features


def unit_rows(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    rows = rng.normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("width", [64, 128, 256])
def test_the_share_of_differing_bits_is_the_angle_over_half_a_turn(width: int) -> None:
    rng = np.random.default_rng(0)
    first, other = unit_rows(rng, 400, width), unit_rows(rng, 400, width)
    mixed = first + rng.uniform(0, 2, (400, 1)) * other
    mixed = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    angles = np.arccos(np.clip(np.sum(first * mixed, axis=1), -1, 1))
    differing = np.unpackbits(binarise(first) ^ binarise(mixed), axis=1).mean(axis=1)
    assert binarise(first).shape == (400, 32) and binarise(first).dtype == np.uint8
    assert abs(np.mean(differing - angles / np.pi)) < 0.01
    assert np.abs(differing - angles / np.pi).max() < 0.15  # 256 coins


def test_the_planes_are_the_same_everywhere() -> None:
    """Maps stored with bits outlive versions: these bytes must never change."""
    rows = np.eye(64, dtype=np.float32)[:2]
    assert binarise(rows)[:, :6].tolist() == [[176, 206, 91, 248, 137, 30], [49, 90, 236, 169, 140, 155]]


def match_between(sequence: RenderedSequence, extractor, first: int, second: int) -> np.ndarray:
    """(M,) distances in pixels from each match to where the depth says that the point really is."""
    features0, features1 = (extractor.extract(sequence[index].image) for index in (first, second))
    rows0, rows1 = create_matcher({}).match(features0, features1).indices.T
    keypoints0, keypoints1 = features0.keypoints[rows0], features1.keypoints[rows1]
    columns, rows = np.rint(keypoints0).astype(int).T
    points = backproject(keypoints0, sequence.depth(first)[rows, columns], sequence.camera)
    T_1_0 = se3.inverse(sequence.pose(second)) @ sequence.pose(first)
    return np.linalg.norm(project(se3.transform(T_1_0, points), sequence.camera) - keypoints1, axis=1)


def test_matching_loses_little_by_the_bits() -> None:
    sequence = RenderedSequence(RenderConfig())
    sift = create_extractor({"name": "sift", "max_keypoints": 600})
    counts, precisions = [], []
    for extractor in (sift, BinaryExtractor(sift)):
        errors = [match_between(sequence, extractor, *pair) for pair in ((0, 4), (20, 30))]
        counts.append(sum(map(len, errors)))
        precisions.append(np.mean([np.mean(error < 3) for error in errors]))
    assert counts[1] > 0.9 * counts[0] > 400
    assert precisions[1] > precisions[0] - 0.03 > 0.85


def test_a_binary_extractor_keeps_what_is_binary_already() -> None:
    image = RenderedSequence(RenderConfig(width=160, height=120))[0].image
    orb = create_extractor({"name": "orb", "max_keypoints": 100})
    assert np.array_equal(BinaryExtractor(orb).extract(image).descriptors, orb.extract(image).descriptors)


def test_signs_are_matched_as_their_bits_are() -> None:
    rng = np.random.default_rng(0)
    bits0 = rng.integers(0, 256, (200, 32), np.uint8)
    noise = np.packbits(rng.random((200, 256)) < rng.uniform(0, 0.4, (200, 1)), axis=1)
    both = [
        Features(np.zeros((200, 2), np.float32), np.ones(200), bits, "hamming", np.ones(200))
        for bits in (bits0, bits0 ^ noise)
    ]
    config = MatcherConfig()
    expected = create_matcher(config).match(*both)
    signs = [Features(f.keypoints, f.scores, as_floats(f), "l2", f.scales) for f in both]
    found = create_matcher(for_signs(config)).match(*signs)
    assert 50 < len(expected) < 200
    assert np.array_equal(found.indices, expected.indices)


def test_every_extractor_has_a_binary_one_by_name() -> None:
    image = RenderedSequence(RenderConfig(width=160, height=120))[0].image
    found = create_extractor({"name": "binary-sift", "max_keypoints": 100})
    plain = create_extractor({"name": "sift", "max_keypoints": 100})
    assert (found.name, found.norm) == ("binary-sift", "hamming")
    assert np.array_equal(found.extract(image).descriptors, binarise(plain.extract(image).descriptors))
    with pytest.raises(PluginError, match="no extractor is called 'surf'"):
        create_extractor({"name": "binary-surf"})


def test_bits_are_of_the_positions_that_somebody_else_found() -> None:
    image = RenderedSequence(RenderConfig(num_frames=1))[0].image
    described, bits = create_extractor("superpoint-fast"), create_extractor("binary-superpoint-fast")
    positions = np.array([[40.0, 50.0], [100.0, 80.0]], np.float32)
    assert isinstance(bits, Describer) and not isinstance(create_extractor("binary-fast"), Describer)
    assert np.array_equal(bits.describe(image, positions), binarise(described.describe(image, positions)))
