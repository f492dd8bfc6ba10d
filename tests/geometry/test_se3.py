"""Rigid motions: exponential, logarithm and inverse, at every angle up to half a turn."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from slam_frontend.geometry import se3
from slam_frontend.types import Array

ANGLES = [0.0, 1e-9, 1e-6, 1e-3, 0.5, 2.0, 3.0, np.pi - 1e-4, np.pi - 1e-7]


def twist_of_angle(angle: float, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    return np.concatenate([rng.normal(size=3), angle * axis / np.linalg.norm(axis)])


@pytest.mark.parametrize("angle", ANGLES)
def test_exp_is_the_matrix_exponential(angle: float) -> None:
    twist = twist_of_angle(angle)
    generator = np.zeros((4, 4))
    generator[:3, :3], generator[:3, 3] = se3.hat(twist[3:]), twist[:3]
    np.testing.assert_allclose(se3.exp(twist), expm(generator), atol=1e-9)


@pytest.mark.parametrize("angle", ANGLES)
def test_log_undoes_exp(angle: float) -> None:
    twist = twist_of_angle(angle)
    np.testing.assert_allclose(se3.log(se3.exp(twist)), twist, atol=1e-6)


@pytest.mark.parametrize("axis", np.eye(3))
def test_half_a_turn_has_a_logarithm_that_leads_back(axis: Array) -> None:
    T = se3.from_rotation_translation(Rotation.from_rotvec(np.pi * axis).as_matrix(), [1, 2, 3])
    np.testing.assert_allclose(se3.exp(se3.log(T)), T, atol=1e-6)


def test_exp_of_a_batch_is_the_exp_of_each() -> None:
    twists = np.stack([twist_of_angle(angle, seed) for seed, angle in enumerate(ANGLES)])
    np.testing.assert_array_equal(se3.exp(twists), np.stack([se3.exp(twist) for twist in twists]))
    assert se3.exp(np.empty((0, 6))).shape == (0, 4, 4)


def test_inverse_leads_back_alone_and_in_batches() -> None:
    T = se3.exp(np.stack([twist_of_angle(angle) for angle in ANGLES]))
    np.testing.assert_allclose(se3.inverse(T) @ T, np.tile(np.eye(4), (len(T), 1, 1)), atol=1e-12)
    np.testing.assert_array_equal(se3.inverse(T)[3], se3.inverse(T[3]))


def test_transform_moves_points_by_one_motion_or_by_one_each() -> None:
    T = se3.exp(np.stack([twist_of_angle(1.0, seed) for seed in range(5)]))
    points = np.random.default_rng(1).normal(size=(5, 3))
    homogeneous = np.insert(points, 3, 1.0, axis=1)
    np.testing.assert_allclose(se3.transform(T[0], points), (homogeneous @ T[0].T)[:, :3], atol=1e-12)
    each = np.stack([(T_i @ point)[:3] for T_i, point in zip(T, homogeneous, strict=True)])
    np.testing.assert_allclose(se3.transform(T, points), each, atol=1e-12)
    assert se3.transform(T[0], np.empty((0, 3))).shape == (0, 3)


def test_normalise_makes_a_drifted_rotation_orthonormal_and_keeps_the_translation() -> None:
    T = se3.exp(twist_of_angle(1.0))
    drifted = T.copy()
    drifted[:3, :3] += 1e-4 * np.random.default_rng(2).normal(size=(3, 3))
    R = se3.normalise(drifted)[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(R, T[:3, :3], atol=1e-3)
    np.testing.assert_array_equal(se3.normalise(drifted)[:3, 3], T[:3, 3])


@pytest.mark.parametrize("angle", ANGLES)
def test_the_angle_of_a_rotation_is_known_up_to_half_a_turn(angle: float) -> None:
    assert se3.rotation_angle(se3.exp(twist_of_angle(angle))[:3, :3]) == pytest.approx(angle, abs=1e-7)
    assert se3.rotation_angle(np.diag([-1.0, -1.0, 1.0])) == pytest.approx(np.pi)
