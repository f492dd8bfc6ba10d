"""What a relative pose makes of matches whose points are near, far, or none."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.relative_pose import TwoView, errors_at_infinity, judge
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
T_1_0 = se3.exp(np.array([0.1, 0.02, 0.03, 0.02, -0.05, 0.01]))


def judged(low: float, high: float, shift: float = 0.0) -> TwoView:
    """The true pose on matches of points between two depths, their pixels in image 1 moved up or down."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(low, high, 400)
    points = np.stack([rng.uniform(-0.5, 0.5, 400) * depth, rng.uniform(-0.4, 0.4, 400) * depth, depth], axis=1)
    keypoints0, keypoints1 = project(points, CAMERA), project(se3.transform(T_1_0, points), CAMERA)
    noise = rng.normal(0, 0.4, (2, 400, 2))
    return judge(unit(T_1_0), keypoints0 + noise[0], keypoints1 + noise[1] + [0, shift], CAMERA, 1.5)


def unit(T: Array) -> Array:
    T = T.copy()
    T[:3, 3] /= np.linalg.norm(T[:3, 3])
    return T


def test_near_points_have_a_place() -> None:
    solution = judged(2, 5)
    assert solution.inliers.mean() > 0.99 and not solution.at_infinity.any()
    assert solution.parallax > np.deg2rad(1.0)


def test_far_points_speak_for_the_truth_on_whichever_side_noise_puts_them() -> None:
    solution = judged(300, 900)
    assert 0.2 < solution.inliers.mean() < 0.8  # the others' rays meet behind a camera
    assert solution.explained.mean() > 0.99
    assert not (solution.inliers & solution.at_infinity).any()
    assert solution.parallax < np.deg2rad(0.15)


def test_matches_off_their_line_have_no_point_not_even_at_infinity() -> None:
    for low, high in ((2, 5), (300, 900)):
        assert judged(low, high, shift=20.0).num_explained < 20


def test_errors_at_infinity_are_shared_between_the_views() -> None:
    turn = T_1_0.copy()
    turn[:3, 3] = 0.0
    ray = np.array([[0.1, -0.2, 1.0]])
    keypoints0, keypoints1 = project(ray, CAMERA), project(se3.transform(turn, ray), CAMERA)
    np.testing.assert_allclose(errors_at_infinity(T_1_0, keypoints0, keypoints1, CAMERA), 0.0, atol=1e-9)
    np.testing.assert_allclose(
        errors_at_infinity(T_1_0, keypoints0, keypoints1 + np.array([3, 4]), CAMERA), 2.5, atol=1e-9
    )
