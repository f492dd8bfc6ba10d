"""Resizing and cropping changes the homography, and by exactly how much."""

import cv2
import numpy as np
import pytest

from slam_frontend.evaluation.pairs import ImagePair, fit_pair, is_inside, warp_points
from slam_frontend.photos import fit_image
from slam_frontend.types import Array


def spots(size: tuple[int, int], positions: Array) -> Array:
    """Soft bright spots at sub-pixel positions (N,2)."""
    y, x = np.mgrid[: size[0], : size[1]]
    image = np.zeros(size)
    for px, py in positions:
        image += 200 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 5.0**2))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def centre_near(image: Array, point: Array, radius: int = 14) -> Array:
    """The centre of mass of the grey values around a point."""
    x, y = np.rint(point).astype(int)
    rows, columns = np.mgrid[y - radius : y + radius + 1, x - radius : x + radius + 1]
    weights = image[rows, columns].astype(float)
    return np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (200, 500), (300, 150), (700, 900)])
def test_a_spot_lies_where_the_map_of_a_fitted_image_says(size: tuple[int, int]) -> None:
    truth = np.array([[330.3, 300.7], [400.0, 352.2]])
    fitted, A = fit_image(spots((640, 800), truth), size)
    assert fitted.shape == size
    for point in warp_points(truth, A):
        np.testing.assert_allclose(centre_near(fitted, point, radius=14 if size[0] > 250 else 9), point, atol=0.06)


@pytest.mark.parametrize("size", [(240, 320), (480, 640)])
def test_a_fitted_pair_keeps_its_homography_through_resize_and_crop(size: tuple[int, int]) -> None:
    H_1_0 = np.array([[0.9, 0.2, 10.0], [-0.15, 1.05, 60.0], [5e-5, -3e-5, 1.0]])
    points0 = np.array([[300.0, 250.0], [420.5, 380.25], [520.0, 300.0]])
    image0 = spots((640, 800), points0)
    image1 = spots((680, 850), warp_points(points0, H_1_0))
    pair = fit_pair(ImagePair("spots", "viewpoint", image0, image1, H_1_0), size)
    radius = 14 if size[0] > 250 else 7
    _, A = fit_image(image0, size)
    for point in warp_points(points0, A):
        seen0 = centre_near(pair.image0, point, radius)
        seen1 = centre_near(pair.image1, warp_points(point[None], pair.H_1_0)[0], radius)
        np.testing.assert_allclose(seen1, warp_points(seen0[None], pair.H_1_0)[0], atol=0.1)


def test_an_image_of_the_right_size_is_left_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    fitted, A = fit_image(image, (48, 64))
    np.testing.assert_array_equal(fitted, image)
    np.testing.assert_array_equal(A, np.eye(3))


def test_warped_points_lie_where_opencv_draws_them() -> None:
    H = np.array([[1.1, 0.1, -20.0], [0.05, 0.9, 15.0], [1e-4, 2e-4, 1.0]])
    point = np.array([[150.4, 120.8]])
    warped = cv2.warpPerspective(spots((300, 400), point), H, (400, 300))
    target = warp_points(point, H)[0]
    np.testing.assert_allclose(centre_near(warped, target), target, atol=0.15)


def test_points_beyond_the_horizon_are_nowhere() -> None:
    H = np.array([[1.0, 0, 0], [0, 1.0, 0], [-0.01, 0, 1.0]])
    warped = warp_points(np.array([[50.0, 10.0], [150.0, 10.0]]), H)
    assert np.isfinite(warped[0]).all() and np.isnan(warped[1]).all()
    np.testing.assert_array_equal(is_inside(warped, (100, 200)), [True, False])


def test_inside_means_between_the_centres_of_the_outermost_pixels() -> None:
    points = np.array([[0.0, 0.0], [199.0, 99.0], [199.1, 50.0], [50.0, -0.1]])
    np.testing.assert_array_equal(is_inside(points, (100, 200)), [True, True, False, False])
