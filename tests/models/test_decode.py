"""Decoding of one image in numpy, and its agreement with the batched one in torch."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.models import decode, heatmap

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"


@pytest.fixture
def logits():
    return np.random.default_rng(3).normal(0, 2, (65, 15, 20)).astype(np.float32)


def test_a_cells_channel_is_its_pixel_row_by_row():
    logits = np.full((65, 2, 3), -20, np.float32)
    logits[8 * 5 + 2, 1, 2] = 20  # row 5, column 2 of the cell in row 1, column 2
    assert np.argwhere(decode.to_heatmap(logits) > 0.9).tolist() == [[8 + 5, 16 + 2]]


def test_numpy_and_torch_find_the_same_points(logits):
    image = decode.to_heatmap(logits)
    keypoints, scores = decode.find_keypoints(image, 100, 0.01)
    batch = heatmap.to_heatmap(torch.from_numpy(logits)[None])
    np.testing.assert_allclose(batch[0], image, atol=1e-6)
    points = heatmap.find_points(batch, 100, 0.01)
    count = int((points.scores[0] > 0).sum())
    assert count == len(scores) > 20
    np.testing.assert_allclose(points.positions[0, :count], keypoints, atol=1e-4)
    np.testing.assert_allclose(points.scores[0, :count], scores, atol=1e-6)


@pytest.mark.parametrize("radius", [1, 4, 9])
def test_numpy_and_torch_suppress_alike_where_neighbours_tie(radius):
    image = np.random.default_rng(4).integers(0, 12, (96, 128)).astype(np.float32) / 12
    pixels, _ = decode._find_peaks(image, 0.3, radius, border=radius)
    kept = heatmap.suppress(torch.from_numpy(image)[None], radius)[0].numpy()
    expected = np.argwhere(kept[radius:-radius, radius:-radius] > 0.3) + radius
    assert len(pixels) > 5
    np.testing.assert_array_equal(pixels[:, ::-1], expected)


def test_numpy_and_torch_sample_the_same_descriptors(logits):
    coarse = logits[:32]
    keypoints = np.random.default_rng(1).uniform((0, 0), (159, 119), (200, 2)).astype(np.float32)
    expected = heatmap.sample(torch.from_numpy(coarse)[None], torch.from_numpy(keypoints)[None])[0]
    np.testing.assert_allclose(decode.sample_descriptors(coarse, keypoints), expected, atol=1e-5)


def test_a_descriptor_at_a_cells_centre_is_that_cells():
    coarse = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    sampled = decode.sample_descriptors(coarse, np.array([[2 * 8 + 3.5, 3 * 8 + 3.5]], np.float32))
    np.testing.assert_allclose(sampled[0], coarse[:, 3, 2] / np.linalg.norm(coarse[:, 3, 2]), atol=1e-6)


def test_a_descriptor_in_the_last_corner_is_that_of_the_last_cell():
    coarse = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    sampled = decode.sample_descriptors(coarse, np.array([[39, 23]], np.float32))
    np.testing.assert_allclose(sampled[0], coarse[:, -1, -1] / np.linalg.norm(coarse[:, -1, -1]), atol=1e-6)


def test_no_two_keypoints_are_nearer_than_the_radius_nor_to_the_border():
    image = np.random.default_rng(0).random((96, 128)).astype(np.float32)
    image[40:60, 40:60] *= 0.5
    peaks = decode.find_keypoints(image, 1000, 0.01, nms_radius=4, border=6)[0]
    rounded, _ = decode._find_peaks(image, 0.01, 4, 6)
    gaps = np.abs(rounded[:, None] - rounded[None]).max(2) + 100 * np.eye(len(rounded), dtype=int)
    assert gaps.min() > 4
    assert len(peaks) == len(rounded)
    assert rounded.min() >= 6 and (rounded <= (127 - 6, 95 - 6)).all()


def test_a_peak_between_pixels_is_found_between_them():
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    image = np.exp(-((x - 20.3) ** 2 + (y - 30.7) ** 2) / 2 / 0.8**2).astype(np.float32)
    keypoints, _ = decode.find_keypoints(image, 10, 0.1)
    np.testing.assert_allclose(keypoints, [[20.3, 30.7]], atol=0.05)


def test_sharpening_brings_vague_points_to_the_same_place_at_the_corner():
    image = np.full((64, 80), 60, np.uint8)
    image[20:44, 30:60] = 190
    x, y = np.meshgrid(np.arange(80), np.arange(64))
    found = []
    for centre in ((31.5, 21.5), (29.5, 20.5)):
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        vague = np.exp(-squared / 2 / 2.0**2).astype(np.float32) * 0.02
        keypoints, _ = decode.find_keypoints(decode.sharpen(vague, image), 10, 0.01)
        assert len(keypoints) == 1
        found.append(keypoints[0])
    assert np.linalg.norm(found[0] - found[1]) < 0.6  # 2.2 before
    assert np.linalg.norm(found - np.array([29.5, 19.5]), axis=1).max() < 2.5


@pytest.mark.parametrize("size", [(64, 80), (61, 77)])
def test_the_smaller_eigenvalue_is_opencvs(size):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, size).astype(np.float32), (0, 0), 1.5)
    expected = cv2.cornerMinEigenVal(smooth, 3, ksize=3)
    np.testing.assert_allclose(decode.smaller_eigenvalue(smooth), expected, atol=1e-5 * expected.max())


@pytest.mark.parametrize("height", [37, 120, 121, 376])
def test_sharpening_in_strips_is_sharpening_of_the_whole(height, monkeypatch):
    rng = np.random.default_rng(0)
    heatmap, image = rng.random((height, 80), np.float32), rng.integers(0, 256, (height, 80)).astype(np.uint8)
    in_strips = decode.sharpen(heatmap, image)
    monkeypatch.setattr(decode, "STRIP", height)
    np.testing.assert_allclose(in_strips, decode.sharpen(heatmap, image), rtol=1e-5, atol=1e-6)


def test_numpy_and_torch_sharpen_to_the_same_best_points():
    image = cv2.imread(str(SAMPLE / "rgb" / "0.000000.jpg"), cv2.IMREAD_GRAYSCALE)
    vague = 0.1 * cv2.GaussianBlur(np.random.default_rng(0).random(image.shape, np.float32), (0, 0), 3)
    best, _ = decode.find_keypoints(decode.sharpen(vague, image), 300, 1e-4)
    batch = heatmap.sharpen(torch.from_numpy(vague)[None], torch.from_numpy(image)[None, None] / 255)
    points = heatmap.find_points(batch, 300, 1e-4)
    assert len(best) == (points.scores > 0).sum() == 300
    gaps = np.linalg.norm(best[:, None] - points.positions[0].numpy(), axis=2)
    # Not all: one Gaussian reaches 6 pixels far, the other 4, and the 300th best is hardly better than the 301st.
    assert (gaps.min(axis=1) < 0.5).mean() > 0.95


def test_sharpening_leaves_its_inputs_alone():
    rng = np.random.default_rng(0)
    given = rng.random((64, 80), np.float32), rng.integers(0, 256, (64, 80)).astype(np.uint8)
    copies = [array.copy() for array in given]
    decode.sharpen(*given)
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("pixel", [(0, 0), (1, 30), (79, 63), (40, 62)])
def test_a_square_that_reaches_over_the_edge_has_its_mass_within_the_image(pixel):
    image = np.zeros((64, 80), np.float32)
    image[pixel[1], pixel[0]] = 0.5
    far, near = np.array([[40, 30]]), np.array([pixel])
    np.testing.assert_allclose(decode.refine(image, near), near)
    np.testing.assert_allclose(decode.refine(image, np.concatenate([far, near]))[1], pixel)


def test_sharpening_finds_nothing_where_the_network_sees_nothing():
    image = np.full((64, 80), 60, np.uint8)
    image[20:44, 30:60] = 190
    assert decode.sharpen(np.full((64, 80), 1e-6, np.float32), image).max() < 1e-4


def test_the_best_keypoints_are_kept_best_first():
    image = np.zeros((64, 64), np.float32)
    for step, (x, y) in enumerate([(10, 10), (30, 10), (50, 10), (10, 40), (30, 40)], start=1):
        image[y, x] = step / 10
    keypoints, scores = decode.find_keypoints(image, 3, 0.05)
    np.testing.assert_allclose(scores, [0.5, 0.4, 0.3])
    assert keypoints.tolist() == [[30, 40], [10, 40], [50, 10]]


def test_an_empty_heatmap_gives_empty_arrays():
    keypoints, scores = decode.find_keypoints(np.zeros((64, 64), np.float32), 100, 0.1)
    assert keypoints.shape == (0, 2) and scores.shape == (0,)
    assert decode.sample_descriptors(np.ones((8, 8, 8), np.float32), keypoints).shape == (0, 8)


@pytest.mark.parametrize("count", [0, -3, 1, 5])
def test_there_are_no_more_keypoints_than_asked_for(count):
    values = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    keypoints, scores = decode.find_keypoints(values, count, 0.5)
    assert len(keypoints) == len(scores) == max(count, 0)


def test_the_smaller_eigenvalue_is_the_same_to_the_bit_wherever_it_lies_in_memory():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.integers(0, 256, (60, 77)).astype(np.float32), (0, 0), 1.5)
    in_between, found = [], set()
    for _ in range(100):  # what else is allocated moves the buffers about
        in_between = [*in_between[-10:], np.empty(rng.integers(1, 2000), np.uint8)]
        found.add(decode.smaller_eigenvalue(smooth).tobytes())
    assert len(found) == 1
