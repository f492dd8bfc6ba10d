"""A turn on the spot is told from a walk, whatever the noise."""

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import normalised, project
from slam_frontend.geometry.pure_rotation import gain_over_rotation
from slam_frontend.geometry.triangulation import triangulate
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
TURN = np.array([0, 0, 0, 0.02, -0.1, 0.05])


def gain(motion: Array, claimed: Array, noise: float) -> float:
    rng = np.random.default_rng(0)
    points = rng.uniform([-2, -1.5, 3], [2, 1.5, 8], (300, 3))
    keypoints0 = project(points, CAMERA) + rng.normal(0, noise, (300, 2))
    keypoints1 = project(se3.transform(motion, points), CAMERA) + rng.normal(0, noise, (300, 2))
    found = triangulate(normalised(keypoints0, CAMERA), normalised(keypoints1, CAMERA), claimed)
    good = np.isfinite(found[:, 0])
    return gain_over_rotation(keypoints0[good], keypoints1[good], claimed, found[good], CAMERA)


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.5])
def test_a_walk_gains_much_over_a_turn(noise: float) -> None:
    motion = se3.exp(np.array([-0.5, 0.1, 0.15, 0, 0, 0]) + TURN)
    assert gain(motion, motion, noise) > 8


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.5])
def test_a_turn_with_an_invented_translation_gains_little(noise: float) -> None:
    invented = se3.exp(np.array([-0.3, 0.02, 0.05, 0, 0, 0])) @ se3.exp(TURN)
    assert gain(se3.exp(TURN), invented, noise) < 4


def test_no_matches_gain_nothing() -> None:
    none = np.empty((0, 2))
    assert gain_over_rotation(none, none, np.eye(4), np.empty((0, 3)), CAMERA) == 0.0
