"""Pixels and rays, compared with OpenCV's."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from slam_frontend.errors import ConfigError
from slam_frontend.geometry.camera import backproject, inside, normalised, project, undistort
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 517.3, 516.5, 318.6, 255.3, (0.2624, -0.9531, -0.0054, 0.0026, 1.1633))
BARREL = Camera(752, 480, 458.7, 457.3, 367.2, 248.4, (-0.2834, 0.0740, 0.0002, 0.00002))


@pytest.fixture
def points() -> Array:
    return np.random.default_rng(0).uniform([-1, -0.8, 2], [1, 0.8, 5], (200, 3))


def test_project_agrees_with_opencv(points: Array) -> None:
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), CAMERA.K, np.zeros(4))[0].reshape(-1, 2)
    np.testing.assert_allclose(project(points, CAMERA), expected, atol=1e-9)


def test_what_is_not_before_the_camera_has_no_pixel() -> None:
    points = np.array([[0.1, 0.1, 0.0], [0.1, 0.1, -2.0], [0.1, 0.1, np.nan], [0.1, 0.1, 1.0]])
    assert np.isnan(project(points, CAMERA)).all(axis=1).tolist() == [True, True, True, False]


def test_backproject_undoes_project(points: Array) -> None:
    np.testing.assert_allclose(backproject(project(points, CAMERA), points[:, 2], CAMERA), points, atol=1e-12)
    np.testing.assert_allclose(normalised(project(points, CAMERA), CAMERA), points[:, :2] / points[:, 2:], atol=1e-12)


def test_undistort_undoes_the_distortion_that_opencv_applies(points: Array) -> None:
    distorted = cv2.projectPoints(points, np.zeros(3), np.zeros(3), CAMERA.K, np.array(CAMERA.distortion))[0]
    seen = distorted.reshape(-1, 2)
    ideal = project(points, CAMERA)
    within = inside(seen, CAMERA)
    assert np.abs(seen - ideal)[within].max() > 1  # there is something to undo
    undone = undistort(seen.astype(np.float32), CAMERA)
    assert undone.dtype == np.float32
    np.testing.assert_allclose(undone[within], ideal[within], atol=0.05)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (5, 1)])
def test_a_camera_takes_distortion_as_opencv_calibrates_it(shape: tuple[int, ...]) -> None:
    assert Camera.from_K((640, 480), CAMERA.K, np.reshape(CAMERA.distortion, shape)) == CAMERA


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fx": -500.0}, "fx and fy in pixels, above 0; found -500.0"),
        ({"fy": np.nan}, "fx and fy in pixels"),
        ({"distortion": (0.1, 0.2, 0.3)}, r"k1 k2 p1 p2 \[k3\], found 3 numbers"),
    ],
)
def test_a_camera_that_is_none_is_refused_at_once(change, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        replace(CAMERA, **change)


def test_undistort_leaves_the_pixels_of_an_ideal_camera_alone() -> None:
    pixels = np.float32([[0, 0], [639, 479]])
    ideal = Camera(640, 480, 500, 500, 319.5, 239.5, (0.0, 0.0, 0.0, 0.0))
    np.testing.assert_array_equal(undistort(pixels, ideal), pixels)


def test_every_function_takes_no_points_at_all() -> None:
    assert project(np.empty((0, 3)), CAMERA).shape == (0, 2)
    assert undistort(np.empty((0, 2), np.float32), CAMERA).shape == (0, 2)
    assert backproject(np.empty((0, 2)), np.empty(0), CAMERA).shape == (0, 3)
    assert inside(np.empty((0, 2)), CAMERA).shape == (0,)


def test_inside_counts_pixel_centres_and_a_margin_on_either_side_of_the_border() -> None:
    pixels = np.array([[0, 0], [639, 479], [-0.1, 5], [639.1, 5], [5, 479.1], [np.nan, 5], [4, 4]])
    ideal = replace(CAMERA, distortion=())
    assert inside(pixels, ideal).tolist() == [True, True, False, False, False, False, True]
    assert inside(pixels, ideal, 4).tolist() == [False] * 6 + [True]
    assert inside(pixels, ideal, -1).tolist() == [True, True, True, True, True, False, True]


@pytest.mark.parametrize("camera", [CAMERA, BARREL])
def test_all_that_an_image_shows_is_inside_and_little_else(camera: Camera) -> None:
    x, y = np.meshgrid(np.linspace(0, camera.width - 1, 41), np.linspace(0, camera.height - 1, 31))
    shown = undistort(np.stack([x, y], axis=-1).reshape(-1, 2), camera)
    assert inside(shown, camera, -0.05).all()
    for side, far in ((0, 1), (1, 1), (0, -1), (1, -1)):
        beyond = shown[np.argmax(far * shown[:, side])].copy()
        beyond[side] += far
        assert not inside(beyond[None], camera).any()


@pytest.mark.parametrize("camera", [CAMERA, BARREL])
def test_undistorted_pixels_distort_to_what_they_were(camera: Camera) -> None:
    given = np.random.default_rng(0).uniform([0, 0], [camera.width - 1, camera.height - 1], (500, 2))
    rays = backproject(undistort(given, camera), np.ones(500), camera)
    again = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), camera.K, np.array(camera.distortion))[0].reshape(-1, 2)
    np.testing.assert_allclose(again, given, atol=0.003)
