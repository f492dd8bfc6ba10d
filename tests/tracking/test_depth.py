"""Keypoint depths: from a depth image, from a pair, or none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from slam_frontend.config import DepthConfig
from slam_frontend.errors import ConfigError
from slam_frontend.tracking.depth import NoDepth, RgbdDepth, StereoDepth, create_depth_source
from slam_frontend.types import Array, Camera, Features, Frame, Sensor

CAMERA = Camera(320, 240, 260.0, 260.0, 159.5, 119.5, baseline=0.1)
IMAGE = np.full((240, 320), 128, np.uint8)


def features_at(keypoints: list[list[float]] | Array) -> Features:
    pixels = np.asarray(keypoints, np.float32).reshape(-1, 2)
    ones = np.ones(len(pixels), np.float32)
    return Features(pixels, ones, np.ones((len(pixels), 8), np.float32), "l2", ones)


def measured(depth: Array, keypoints: list[list[float]], config: DepthConfig | None = None) -> list[float]:
    frame = Frame(0, 0.0, IMAGE, depth=depth)
    found = RgbdDepth(config or DepthConfig()).measure(frame, features_at(keypoints))
    assert found.dtype == np.float32
    return found.tolist()


def test_a_depth_image_is_read_between_its_pixels() -> None:
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    slanted = (2 + 0.001 * x + 0.002 * y).astype(np.float32)
    assert measured(slanted, [[10, 20], [10.5, 20.25], [100.25, 99.75]]) == pytest.approx([2.05, 2.051, 2.29975])


def test_the_outermost_pixels_have_depth_too() -> None:
    assert measured(np.full((240, 320), 3, np.float32), [[0, 0], [319, 239], [319.4, -0.4]]) == pytest.approx([3] * 3)


def test_an_edge_has_no_depth_but_a_step_within_the_noise_does() -> None:
    depth = np.full((240, 320), 2.0, np.float32)
    depth[:, 100:] = 2.5
    depth[:, 200:] = 2.51
    found = measured(depth, [[99.5, 50], [98.5, 50], [199.5, 50]])
    assert np.isnan(found[0]) and found[1:] == pytest.approx([2.0, 2.505])


def test_a_hole_beside_the_keypoint_makes_its_depth_unknown() -> None:
    depth = np.full((240, 320), 2.0, np.float32)
    depth[50, 100] = np.nan
    assert np.isnan(measured(depth, [[99.5, 49.5], [100, 50]])).all()
    assert measured(depth, [[101.5, 50.5]]) == [2.0]


def test_depth_outside_the_sensors_range_is_unknown() -> None:
    config = DepthConfig(min_depth=0.5, max_depth=4)
    for value, known in [(0.4, False), (0.6, True), (3.9, True), (4.1, False), (np.inf, False), (-1.0, False)]:
        found = measured(np.full((240, 320), value, np.float32), [[50, 50]], config)
        assert np.isfinite(found[0]) == known


@pytest.mark.filterwarnings("error")
def test_an_empty_depth_image_or_none_at_all_gives_nan_for_every_keypoint() -> None:
    assert np.isnan(measured(np.full((240, 320), np.nan, np.float32), [[5, 5], [6, 6]])).all()
    for source in (RgbdDepth(DepthConfig()), StereoDepth(DepthConfig(), CAMERA), NoDepth()):
        found = source.measure(Frame(0, 0.0, IMAGE), features_at([[5, 5], [6, 6]]))
        assert found.shape == (2,) and np.isnan(found).all() and found.dtype == np.float32
        assert source.measure(Frame(0, 0.0, IMAGE, IMAGE, IMAGE * 1.0), features_at([])).shape == (0,)


def test_a_pair_gives_depth_by_its_baseline() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (240, 400)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    left, right = texture[:, :320].copy(), texture[:, 13:333].copy()
    x, y = np.meshgrid(np.arange(60, 300, 20), np.arange(20, 220, 20))
    keypoints = np.stack([x.ravel(), y.ravel()], axis=1)
    depth = StereoDepth(DepthConfig(), CAMERA).measure(Frame(0, 0.0, left, right=right), features_at(keypoints))
    assert np.isfinite(depth).mean() > 0.9
    assert np.nanmedian(depth) == pytest.approx(260 * 0.1 / 13, rel=0.005)


def test_the_sensor_decides_where_depth_comes_from() -> None:
    kinds = {Sensor.RGBD: RgbdDepth, Sensor.STEREO: StereoDepth, Sensor.MONO: NoDepth}
    for sensor, kind in kinds.items():
        assert type(create_depth_source(sensor, DepthConfig(), CAMERA)) is kind


def test_stereo_without_a_baseline_is_refused_rather_than_at_depth_zero() -> None:
    with pytest.raises(ConfigError, match="give its baseline"):
        create_depth_source(Sensor.STEREO, DepthConfig(), replace(CAMERA, baseline=None))


def test_large_images_are_searched_for_larger_disparities() -> None:
    keypoints = [[x, y] for x in (900, 1300, 1700) for y in (200, 700, 1200)]
    texture = np.random.default_rng(0).integers(0, 255, (720, 1100), np.uint8)
    wide = cv2.resize(texture, (2200, 1440), interpolation=cv2.INTER_CUBIC)
    camera = Camera(1920, 1440, 1560.0, 1560.0, 959.5, 719.5, baseline=0.1)
    frame = Frame(0, 0.0, wide[:, :1920].copy(), right=wide[:, 160:2080].copy())
    depth = StereoDepth(DepthConfig(max_disparity=128), camera).measure(frame, features_at(keypoints))
    assert depth == pytest.approx(np.full(len(keypoints), 1560 * 0.1 / 160), rel=0.005)
