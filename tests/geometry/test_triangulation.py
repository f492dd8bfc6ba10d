"""Points from two rays, against points that are known."""

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.triangulation import parallax, triangulate
from slam_frontend.types import Array

T_1_0 = se3.exp(np.array([-0.3, 0.05, 0.1, 0.02, -0.1, 0.05]))


@pytest.fixture
def points() -> Array:
    return np.random.default_rng(0).uniform([-2, -1.5, 2], [2, 1.5, 8], (100, 3))


def rays(points_cam: Array) -> Array:
    return points_cam[:, :2] / points_cam[:, 2:]


def test_exact_rays_meet_in_the_exact_points(points: Array) -> None:
    found = triangulate(rays(points), rays(se3.transform(T_1_0, points)), T_1_0)
    np.testing.assert_allclose(found, points, atol=1e-8)


def test_parallel_rays_meet_nowhere(points: Array) -> None:
    sideways = se3.from_rotation_translation(np.eye(3), [-0.3, 0, 0])
    assert np.isnan(triangulate(rays(points), rays(points), sideways)).all()
    assert np.isnan(triangulate(rays(points), rays(points), np.eye(4))).all()


def test_rays_that_meet_behind_the_cameras_have_no_point(points: Array) -> None:
    backwards = se3.inverse(se3.from_rotation_translation(np.eye(3), [-0.3, 0, 0]))
    forwards = se3.from_rotation_translation(np.eye(3), [-0.3, 0, 0])
    assert np.isnan(triangulate(rays(points), rays(se3.transform(forwards, points)), backwards)).all()


def test_a_ray_that_is_unknown_spoils_no_other(points: Array) -> None:
    rays1 = rays(se3.transform(T_1_0, points))
    rays1[3] = np.nan
    found = triangulate(rays(points), rays1, T_1_0)
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [3]
    assert triangulate(np.empty((0, 2)), np.empty((0, 2)), T_1_0).shape == (0, 3)


def test_parallax_is_the_angle_at_the_point(points: Array) -> None:
    centre1 = se3.inverse(T_1_0)[:3, 3]
    to0, to1 = -points, centre1 - points
    cosine = (to0 * to1).sum(1) / np.linalg.norm(to0, axis=1) / np.linalg.norm(to1, axis=1)
    found = parallax(rays(points), rays(se3.transform(T_1_0, points)), T_1_0)
    np.testing.assert_allclose(found, np.arccos(cosine), atol=1e-7)
    assert parallax(np.empty((0, 2)), np.empty((0, 2)), T_1_0).shape == (0,)
