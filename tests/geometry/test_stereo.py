"""Disparities along rows: of textures shifted by a known part of a pixel, and of a rendered pair."""

import cv2
import numpy as np
import pytest

from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.geometry.stereo import match_rows
from slam_frontend.types import Array, Sensor

HEIGHT, WIDTH = 240, 320


def texture(seed: int = 0) -> Array:
    """(H,W+100) float32, smooth enough to be shifted by parts of a pixel."""
    noise = np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH + 100)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5) + cv2.GaussianBlur(noise, (0, 0), 5) * 2
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


def crop(image: Array, shift: float) -> Array:
    """(H,W) uint8 whose content lies ``shift`` pixels further left, by a bicubic warp."""
    T = np.float32([[1, 0, -shift], [0, 1, 0]])
    return cv2.warpAffine(image, T, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC).astype(np.uint8)


def grid(margin: int = 60) -> Array:
    x, y = np.meshgrid(np.arange(margin, WIDTH - 20, 17), np.arange(20, HEIGHT - 20, 17))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


@pytest.mark.parametrize("shift", [3.0, 7.25, 18.5, 41.75])
def test_a_shifted_texture_gives_the_shift_to_a_part_of_a_pixel(shift: float) -> None:
    disparity = match_rows(crop(texture(), 0), crop(texture(), shift), grid(), 1, 64)
    assert np.isfinite(disparity).mean() > 0.95
    errors = np.abs(disparity - shift)
    assert np.nanmedian(errors) < 0.05
    assert (errors[np.isfinite(errors)] < 0.5).mean() > 0.98


def test_no_texture_or_another_texture_has_no_disparity() -> None:
    grey = np.full((HEIGHT, WIDTH), 128, np.uint8)
    assert np.isnan(match_rows(grey, grey, grid(), 1, 64)).all()
    other = match_rows(crop(texture(), 0), crop(texture(7), 0), grid(), 1, 64)
    assert np.isfinite(other).mean() < 0.05


def test_what_the_right_camera_cannot_see_has_no_disparity() -> None:
    left, right = crop(texture(), 0), crop(texture(), 20)
    right[80:160, 100:200] = cv2.resize(texture(3)[:80, :100], (100, 80)).astype(np.uint8)  # something before it
    keypoints = grid()
    hidden_x, hidden_y = keypoints[:, 0] - 20, keypoints[:, 1]
    hidden = (hidden_x > 108) & (hidden_x < 192) & (hidden_y > 88) & (hidden_y < 152)
    disparity = match_rows(left, right, keypoints, 1, 64)
    assert hidden.sum() > 10
    assert np.isfinite(disparity[hidden]).mean() < 0.1


def test_disparities_outside_the_bounds_are_unknown() -> None:
    left, right = crop(texture(), 0), crop(texture(), 30)
    assert np.isnan(match_rows(left, right, grid(), 1, 24)).mean() > 0.95
    assert np.isnan(match_rows(left, right, grid(), 34, 64)).mean() > 0.95


def test_keypoints_at_the_border_and_none_at_all_are_taken() -> None:
    left, right = crop(texture(), 0), crop(texture(), 10)
    corners = np.float32([[0, 0], [WIDTH - 1, 0], [0, HEIGHT - 1], [WIDTH - 1, HEIGHT - 1]])
    disparity = match_rows(left, right, corners, 1, 64)
    assert disparity.shape == (4,)
    known = np.isfinite(disparity)
    np.testing.assert_allclose(disparity[known], 10, atol=1)
    assert match_rows(left, right, np.empty((0, 2), np.float32), 1, 64).shape == (0,)


@pytest.mark.parametrize("height", [HEIGHT - 3, HEIGHT - 2, HEIGHT - 1, HEIGHT])
def test_keypoints_in_the_bottom_row_have_the_disparity_of_the_rows_there(height: int) -> None:
    left, right = crop(texture(), 0)[:height], crop(texture(), 10)[:height]
    right[-12:] = crop(texture(), 30)[height - 12 : height]  # something nearer
    x = np.arange(60, WIDTH - 20, 17)
    disparity = match_rows(left, right, np.stack([x, np.full(len(x), height - 1)], 1).astype(np.float32), 1, 64)
    assert (np.abs(disparity - 30) < 1).mean() > 0.8


def test_images_smaller_than_the_search_are_no_error() -> None:
    left, right = crop(texture(), 0)[:6, :9], crop(texture(), 2)[:6, :9]
    assert match_rows(left, right, np.float32([[4, 3]]), 1, 64).shape == (1,)


def test_a_rendered_pair_gives_the_rendered_depth() -> None:
    sequence = RenderedSequence(RenderConfig(sensor=Sensor.STEREO, num_frames=2))
    frame, depth = sequence[0], sequence.depth(0)
    corners = cv2.goodFeaturesToTrack(frame.image, 400, 0.01, 5).reshape(-1, 2)
    x, y = np.rint(corners).astype(int).T
    patches = np.stack(
        [depth[np.clip(y + dy, 0, 239), np.clip(x + dx, 0, 319)] for dy in (-3, 0, 3) for dx in (-3, 0, 3)]
    )
    flat = patches.max(axis=0) < 1.05 * patches.min(axis=0)  # an edge has two depths
    bf = sequence.camera.fx * sequence.camera.baseline
    disparity = match_rows(frame.image, frame.right, corners, 1, 64)
    errors = np.abs(disparity - bf / depth[y, x])[flat & np.isfinite(disparity)]
    assert len(errors) > 0.6 * flat.sum() > 60
    assert np.median(errors) < 0.15
    assert (errors < 1).mean() > 0.9
