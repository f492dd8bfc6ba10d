"""Matches of a rigid scene are told from wrong ones without a calibration."""

import numpy as np
from synthetic import SyntheticWorld

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.epipolar import epipolar_errors, find_fundamental
from slam_frontend.types import Array


def two_views(world: SyntheticWorld) -> tuple[Array, Array, Array]:
    """Pixels of points before two cameras of a walk, a third of them matched wrongly, and which are right."""
    rng = np.random.default_rng(3)
    in0 = rng.uniform((-3, -2, 4), (3, 2, 12), (150, 3))
    T_1_0 = se3.inverse(world.truth.T_world_cam[12]) @ world.truth.T_world_cam[0]
    pixels0, pixels1 = project(in0, world.camera), project(se3.transform(T_1_0, in0), world.camera)
    right = np.arange(150) % 3 > 0
    pixels1[~right] += rng.uniform(20, 60, ((~right).sum(), 2))
    return pixels0, pixels1, right


def test_right_matches_lie_on_their_lines_and_wrong_ones_do_not(world: SyntheticWorld) -> None:
    pixels0, pixels1, right = two_views(world)
    F = find_fundamental(pixels0, pixels1, threshold=1.0)
    assert F is not None
    errors = epipolar_errors(F, pixels0, pixels1)
    assert errors[right].max() < 0.1
    assert (errors[~right] > 1).mean() > 0.9  # a wrong match may lie on its line by chance


def test_the_error_is_a_distance_in_pixels() -> None:
    F = np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0.0]])  # a step to the right: matches keep their row
    errors = epipolar_errors(F, np.array([[10, 20], [30, 40]]), np.array([[5, 20], [25, 43]]))
    np.testing.assert_allclose(errors, [0, 3], atol=1e-9)


def test_too_few_matches_have_no_geometry() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (7, 2))
    assert find_fundamental(points, points + 1, threshold=1.0) is None
