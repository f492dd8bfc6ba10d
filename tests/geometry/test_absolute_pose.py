"""A camera's pose from known points: among outliers, refined, and with depth."""

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.absolute_pose import refine_pose, solve_pnp
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.reprojection import Measurements, to_disparity
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5, baseline=0.1)
T_CAM_WORLD = se3.exp(np.array([0.5, -0.3, 1.0, 0.3, -0.5, 0.2]))


def sighting(num: int = 200, noise: float = 0.5, outliers: float = 0.0) -> tuple[Array, Measurements, Array]:
    """Points in the world, what is measured of them with depth, and which are true."""
    rng = np.random.default_rng(0)
    in_camera = rng.uniform([-2, -1.5, 2], [2, 1.5, 8], (num, 3))
    keypoints = project(in_camera, CAMERA) + rng.normal(0, noise, (num, 2))
    wild = rng.random(num) < outliers
    keypoints[wild] = rng.uniform([0, 0], [640, 480], (wild.sum(), 2))
    disparity = to_disparity(in_camera[:, 2], CAMERA) + rng.normal(0, 0.5 * noise, num)
    points = se3.transform(se3.inverse(T_CAM_WORLD), in_camera)
    return points, Measurements.from_columns(keypoints, disparity, np.ones(num)), ~wild


def without_depth(measured: Measurements) -> Measurements:
    return Measurements(measured.values, measured.precision * [1, 1, 0])


def centre_error(T_cam_world: Array) -> float:
    return float(np.linalg.norm(se3.inverse(T_cam_world)[:3, 3] - se3.inverse(T_CAM_WORLD)[:3, 3]))


def turn_error_deg(T_cam_world: Array) -> float:
    return float(np.rad2deg(se3.rotation_angle(T_cam_world[:3, :3] @ T_CAM_WORLD[:3, :3].T)))


def test_pnp_finds_the_pose_among_half_outliers() -> None:
    points, measured, true = sighting(outliers=0.5)
    pose = solve_pnp(points, measured.values[:, :2], CAMERA, threshold=3.0)
    assert pose is not None
    assert centre_error(pose.T_cam_world) < 0.05 and turn_error_deg(pose.T_cam_world) < 0.5
    assert pose.inliers[true].mean() > 0.95 and pose.inliers[~true].mean() < 0.1


def test_pnp_counts_those_within_the_threshold() -> None:
    points, measured, _ = sighting(noise=0.0)
    angles = np.random.default_rng(3).uniform(0, 2 * np.pi, 40)
    keypoints = measured.values[:, :2].copy()
    keypoints[:40] += 5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    near, wide = (solve_pnp(points, keypoints, CAMERA, threshold) for threshold in (2.0, 10.0))
    assert near is not None and wide is not None
    np.testing.assert_array_equal(near.inliers, np.arange(200) >= 40)
    assert wide.inliers[:40].mean() > 0.9


def test_pnp_with_the_same_seed_is_the_same_to_the_bit() -> None:
    points, measured, _ = sighting(outliers=0.5)
    first, again = (solve_pnp(points, measured.values[:, :2], CAMERA, threshold=3.0, seed=5) for _ in range(2))
    assert first is not None and again is not None
    assert first.T_cam_world.tobytes() == again.T_cam_world.tobytes()
    assert (first.inliers == again.inliers).all()


def test_pnp_draws_other_samples_with_another_seed() -> None:
    points, measured, _ = sighting(outliers=0.5)
    poses = [solve_pnp(points, measured.values[:, :2], CAMERA, threshold=3.0, seed=seed) for seed in range(5)]
    assert len({pose.T_cam_world.tobytes() for pose in poses if pose is not None}) > 1


@pytest.mark.parametrize("num", [0, 5])
def test_pnp_of_too_few_points_is_none(num: int) -> None:
    points, measured, _ = sighting()
    assert solve_pnp(points[:num], measured.values[:, :2][:num], CAMERA, threshold=3.0) is None


def test_pnp_of_degenerate_points_does_not_crash() -> None:
    points, measured, _ = sighting(40)
    one_point, line = np.tile(points[:1], (40, 1)), points[0] + np.linspace(0, 1, 40)[:, None] * (points[1] - points[0])
    for degenerate in (one_point, line, np.zeros((40, 3))):
        for keypoints in (measured.values[:, :2], np.tile(measured.values[:, :2][:1], (40, 1))):
            pose = solve_pnp(degenerate, keypoints, CAMERA, threshold=3.0)
            assert pose is None or np.isfinite(pose.T_cam_world).all()


def test_pnp_of_random_matches_finds_few_that_agree() -> None:
    points, _, _ = sighting()
    keypoints = np.random.default_rng(1).uniform([0, 0], [640, 480], (len(points), 2))
    pose = solve_pnp(points, keypoints, CAMERA, threshold=3.0)
    assert pose is None or pose.inliers.sum() < 15


@pytest.mark.parametrize("depth", [True, False])
def test_refinement_brings_a_wrong_pose_home_and_flags_outliers(depth: bool) -> None:
    points, measured, true = sighting(outliers=0.2)
    measured = measured if depth else without_depth(measured)
    start = se3.exp(np.array([0.1, -0.08, 0.1, 0.02, 0.03, -0.02])) @ T_CAM_WORLD
    pose = refine_pose(start, points, measured, CAMERA)
    assert pose is not None
    assert centre_error(pose.T_cam_world) < 0.02 and turn_error_deg(pose.T_cam_world) < 0.15
    assert pose.inliers[true].mean() > 0.95 and pose.inliers[~true].mean() < 0.1


def test_exact_measurements_give_the_exact_pose() -> None:
    points, measured, _ = sighting(noise=0.0)
    start = se3.exp(np.array([0.1, -0.08, 0.1, 0.02, 0.03, -0.02])) @ T_CAM_WORLD
    pose = refine_pose(start, points, measured, CAMERA)
    assert pose is not None and pose.inliers.all()
    np.testing.assert_allclose(pose.T_cam_world, T_CAM_WORLD, atol=1e-6)


def test_depth_fixes_what_pixels_alone_leave_open() -> None:
    """Points in one small patch say little of the distance; their disparity does."""
    rng = np.random.default_rng(2)
    in_camera = rng.uniform([-0.03, -0.03, 1.0], [0.03, 0.03, 1.02], (60, 3))
    points = se3.transform(se3.inverse(T_CAM_WORLD), in_camera)
    keypoints = project(in_camera, CAMERA) + rng.normal(0, 0.5, (60, 2))
    measured = Measurements.from_columns(keypoints, to_disparity(in_camera[:, 2], CAMERA), np.ones(60))
    start = se3.exp(np.array([0, 0, 0.05, 0, 0, 0])) @ T_CAM_WORLD
    with_depth = refine_pose(start, points, measured, CAMERA)
    pixels_only = refine_pose(start, points, without_depth(measured), CAMERA)
    assert with_depth is not None and pixels_only is not None
    distance = [pose.T_cam_world[2] @ [*points.mean(0), 1] for pose in (with_depth, pixels_only)]
    assert abs(distance[0] - 1.01) < 0.003 < abs(distance[1] - 1.01)


def test_refinement_without_points_or_behind_them_does_not_crash() -> None:
    points, measured, _ = sighting(20)
    nothing = refine_pose(T_CAM_WORLD, points[:0], measured.select(np.arange(0)), CAMERA)
    assert nothing is None or not nothing.inliers.any()
    away = se3.from_rotation_translation(np.diag([-1.0, 1.0, -1.0]), [0, 0, 0]) @ T_CAM_WORLD
    pose = refine_pose(away, points, measured, CAMERA)
    assert pose is None or not pose.inliers.any()
