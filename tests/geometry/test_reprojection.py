"""The measurement model: analytic derivatives against numerical ones, and what is not known is left out."""

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.reprojection import (
    Measurements,
    chain_to_twist,
    errors_at,
    jacobian_by_point,
    jacobian_by_twist,
    robust_weights,
    to_disparity,
)
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 510.0, 319.5, 239.5, baseline=0.12)
T_CAM_WORLD = se3.exp(np.array([0.2, -0.1, 0.3, 0.1, -0.2, 0.05]))
STEP = 1e-6


@pytest.fixture
def points() -> Array:
    """In the world, before the camera."""
    in_camera = np.random.default_rng(0).uniform([-1, -0.8, 1.5], [1, 0.8, 6], (30, 3))
    return se3.transform(se3.inverse(T_CAM_WORLD), in_camera)


@pytest.fixture
def measured(points: Array) -> Measurements:
    """Noisy, every third without depth, of two pyramid levels."""
    rng = np.random.default_rng(1)
    in_camera = se3.transform(T_CAM_WORLD, points)
    disparity = to_disparity(in_camera[:, 2], CAMERA) + rng.normal(0, 0.5, len(points))
    disparity[::3] = np.nan
    sigmas = np.where(np.arange(len(points)) % 2, 1.0, 1.2)
    return Measurements.from_columns(project(in_camera, CAMERA) + rng.normal(0, 1, (len(points), 2)), disparity, sigmas)


def test_the_derivative_by_a_twist_is_the_numerical_one(points: Array, measured: Measurements) -> None:
    in_camera = se3.transform(T_CAM_WORLD, points)
    J = jacobian_by_twist(in_camera, measured, CAMERA)
    for column, twist in enumerate(STEP * np.eye(6)):
        ahead, behind = (errors_at(se3.transform(se3.exp(t), in_camera), measured, CAMERA) for t in (twist, -twist))
        np.testing.assert_allclose(J[:, :, column], (ahead - behind) / (2 * STEP), rtol=1e-5, atol=1e-4)


def test_the_derivative_by_a_point_is_the_numerical_one(points: Array, measured: Measurements) -> None:
    in_camera = se3.transform(T_CAM_WORLD, points)
    J = jacobian_by_point(in_camera, measured, CAMERA)
    for column, shift in enumerate(STEP * np.eye(3)):
        ahead, behind = (errors_at(in_camera + sign * shift, measured, CAMERA) for sign in (1, -1))
        np.testing.assert_allclose(J[:, :, column], (ahead - behind) / (2 * STEP), rtol=1e-5, atol=1e-4)
    assert chain_to_twist(J, in_camera).shape == (len(points), 3, 6)


def test_unknown_depth_makes_no_error_and_no_derivative(points: Array, measured: Measurements) -> None:
    in_camera = se3.transform(T_CAM_WORLD, points)
    residuals, J = errors_at(in_camera, measured, CAMERA), jacobian_by_twist(in_camera, measured, CAMERA)
    unknown = np.arange(len(points)) % 3 == 0
    assert unknown.any() and not residuals[unknown, 2].any() and not J[unknown, 2].any()
    assert residuals[~unknown, 2].all() and np.isfinite(residuals).all() and np.isfinite(J).all()


def test_errors_are_counted_in_standard_deviations(points: Array, measured: Measurements) -> None:
    in_camera = se3.transform(T_CAM_WORLD, points)
    residuals = errors_at(in_camera, measured, CAMERA)
    pixels = project(in_camera, CAMERA) - measured.values[:, :2]
    np.testing.assert_allclose(residuals[:, :2], pixels / np.where(np.arange(len(points)) % 2, 1.0, 1.2)[:, None])
    disparity = CAMERA.fx * CAMERA.baseline / in_camera[:, 2] - measured.values[:, 2]
    known = np.arange(len(points)) % 3 > 0
    np.testing.assert_allclose(residuals[known, 2], disparity[known] / 0.5)


def test_a_point_at_or_behind_the_camera_never_agrees(measured: Measurements) -> None:
    in_camera = np.tile([0.0, 0.0, -2.0], (len(measured.values), 1))
    in_camera[0] = 0.0
    residuals = errors_at(in_camera, measured, CAMERA)
    assert not measured.agree(residuals).any()
    assert not jacobian_by_point(in_camera, measured, CAMERA).any()  # as the error doesn't change there
    assert robust_weights(residuals)[0].max() < 0.01


def test_about_95_percent_of_gaussian_measurements_agree() -> None:
    rng = np.random.default_rng(2)
    num = 4000
    in_camera = rng.uniform([-1, -0.8, 1.5], [1, 0.8, 6], (num, 3))
    disparity = to_disparity(in_camera[:, 2], CAMERA) + rng.normal(0, 0.5, num)
    disparity[::2] = np.nan
    measured = Measurements.from_columns(
        project(in_camera, CAMERA) + rng.normal(0, 1, (num, 2)), disparity, np.ones(num)
    )
    agree = measured.agree(errors_at(in_camera, measured, CAMERA))
    assert agree[::2].mean() == pytest.approx(0.95, abs=0.015)
    assert agree[1::2].mean() == pytest.approx(0.95, abs=0.015)


def test_hubers_cost_is_quadratic_within_and_linear_beyond_and_its_weights_match() -> None:
    residuals = np.array([[1.5, 0, 0], [0, 10.0, 0], [0, 0, 0]])
    weights, cost = robust_weights(residuals, scale=2.0)
    np.testing.assert_allclose(weights, [1.0, 0.2, 1.0])
    assert cost == pytest.approx(1.5**2 + (2 * 2 * 10 - 4))
