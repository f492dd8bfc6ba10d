"""Bundle adjustment against a dense solve of the same equations, and against the truth."""

from dataclasses import replace

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import inside, project
from slam_frontend.geometry.reprojection import Measurements, errors_at, robust_weights, to_disparity
from slam_frontend.mapping import bundle_adjustment
from slam_frontend.mapping.bundle_adjustment import BundleProblem, adjust, agreeing, condense
from slam_frontend.types import Array, Camera

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5, baseline=0.1)


def true_problem(
    noise: float = 0.0, depth: bool = False, num_cameras: int = 6, num_points: int = 120, num_free: int = 4
) -> BundleProblem:
    rng = np.random.default_rng(0)
    points = rng.uniform([-3, -2, 4], [3, 2, 8], (num_points, 3))
    twists = np.concatenate([rng.normal(0, 0.5, (num_cameras, 3)), rng.normal(0, 0.05, (num_cameras, 3))], axis=1)
    T_cam_world = se3.exp(twists)
    camera_of, point_of = np.repeat(np.arange(num_cameras), num_points), np.tile(np.arange(num_points), num_cameras)
    in_camera = se3.transform(T_cam_world[camera_of], points[point_of])
    pixels = project(in_camera, CAMERA)
    rows = np.flatnonzero(inside(pixels, CAMERA) & (rng.random(len(pixels)) < 0.8))
    disparity = np.where(depth & (rng.random(len(pixels)) < 0.7), to_disparity(in_camera[:, 2], CAMERA), np.nan)
    keypoints = pixels + rng.normal(0, noise, pixels.shape)
    measured = Measurements.from_columns(
        keypoints, disparity + rng.normal(0, 0.5 * noise, len(pixels)), np.ones(len(pixels))
    )
    return BundleProblem(T_cam_world, num_free, points, camera_of[rows], point_of[rows], measured.select(rows))


def disturbed(problem: BundleProblem, amount: float = 1.0, seed: int = 1) -> BundleProblem:
    rng = np.random.default_rng(seed)
    sigmas = np.repeat([0.05, 0.01], 3) * amount
    T = problem.T_cam_world.copy()
    T[: problem.num_free] = se3.exp(rng.normal(0, sigmas, (problem.num_free, 6))) @ T[: problem.num_free]
    return replace(problem, T_cam_world=T, points=problem.points + rng.normal(0, 0.1 * amount, problem.points.shape))


def residuals(problem: BundleProblem) -> Array:
    in_camera = se3.transform(problem.T_cam_world[problem.camera_of], problem.points[problem.point_of])
    return errors_at(in_camera, problem.measured, CAMERA)


def cost(problem: BundleProblem) -> float:
    return robust_weights(residuals(problem))[1]


def moved(problem: BundleProblem, step: Array) -> BundleProblem:
    """The problem after a step (6F+3P,) in the order of the full normal equations."""
    F = problem.num_free
    T = problem.T_cam_world.copy()
    T[:F] = se3.exp(step[: 6 * F].reshape(F, 6)) @ T[:F]
    return replace(problem, T_cam_world=T, points=problem.points + step[6 * F :].reshape(-1, 3))


def numerical_jacobian(problem: BundleProblem) -> Array:
    size, h = 6 * problem.num_free + 3 * len(problem.points), 1e-6
    columns = [
        (residuals(moved(problem, h * unit)) - residuals(moved(problem, -h * unit))).ravel() / (2 * h)
        for unit in np.eye(size)
    ]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("depth", [False, True])
def test_exact_sights_lead_back_to_the_truth(depth: bool) -> None:
    truth = true_problem(depth=depth)
    found = adjust(disturbed(truth), CAMERA, 30)
    np.testing.assert_allclose(found.T_cam_world, truth.T_cam_world, atol=1e-4)
    seen_twice = np.bincount(truth.point_of, minlength=len(truth.points)) > 2
    np.testing.assert_allclose(found.points[seen_twice], truth.points[seen_twice], atol=2e-3)


def test_noisy_sights_lead_near_the_truth() -> None:
    truth = true_problem(noise=0.7)
    start = disturbed(truth)
    found = adjust(start, CAMERA, 30)
    before, after = (np.linalg.norm((p.T_cam_world - truth.T_cam_world)[:4, :3, 3], axis=1) for p in (start, found))
    assert after.max() < 0.02 < before.max()
    assert cost(found) <= cost(truth) * 1.001  # the truth doesn't fit the noise better


def test_fixed_cameras_stay_to_the_bit() -> None:
    start = disturbed(true_problem())
    found = adjust(start, CAMERA, 10)
    np.testing.assert_array_equal(found.T_cam_world[4:], start.T_cam_world[4:])


@pytest.mark.parametrize("seed", range(6))
def test_the_cost_never_grows_however_wrong_the_start(seed: int) -> None:
    problem = disturbed(true_problem(noise=0.5, depth=bool(seed % 2)), amount=1 + 4.0 * seed, seed=seed)
    for iterations in (1, 2, 5):
        found = adjust(problem, CAMERA, iterations)
        assert cost(found) <= cost(problem)
        assert np.isfinite(found.T_cam_world).all() and np.isfinite(found.points).all()
        problem = found


def test_the_schur_step_is_the_step_of_the_full_normal_equations() -> None:
    problem = disturbed(true_problem(noise=0.5, depth=True, num_cameras=4, num_points=25, num_free=2), amount=0.3)
    damping = 1e-3
    J, r = numerical_jacobian(problem), residuals(problem)
    root = np.repeat(np.sqrt(robust_weights(r)[0]), 3)
    weighted, error = root[:, None] * J, root * r.ravel()
    normal = weighted.T @ weighted
    damped = normal + np.diag(damping * np.diag(normal) + 1e-9)
    expected = moved(problem, np.linalg.solve(damped, -weighted.T @ error))
    found = bundle_adjustment._step(problem, bundle_adjustment._linearise(problem, CAMERA), damping)
    assert found is not None
    np.testing.assert_allclose(found.T_cam_world, expected.T_cam_world, atol=1e-6)
    np.testing.assert_allclose(found.points, expected.points, atol=1e-5)


def test_wrong_sights_are_told_from_right_ones() -> None:
    truth = true_problem(noise=0.5)
    rng = np.random.default_rng(2)
    wrong = rng.random(len(truth.camera_of)) < 0.1
    values = truth.measured.values.copy()
    values[wrong, :2] += rng.choice([-1, 1], (wrong.sum(), 2)) * rng.uniform(15, 60, (wrong.sum(), 2))
    problem = replace(truth, measured=replace(truth.measured, values=values))
    agree = agreeing(adjust(disturbed(problem, 0.5), CAMERA, 20), CAMERA)
    assert agree[wrong].mean() < 0.1
    assert agree[~wrong].mean() > 0.9


def test_points_that_nobody_or_one_camera_sees_are_no_obstacle() -> None:
    truth = true_problem(noise=0.3)
    lonely = truth.select((truth.point_of != 0) & ((truth.point_of != 1) | (truth.camera_of == 0)))
    start = disturbed(lonely)
    found = adjust(start, CAMERA, 10)
    assert np.isfinite(found.points).all()
    assert cost(found) < cost(start)
    np.testing.assert_array_equal(found.points[0], start.points[0])


def test_a_problem_without_sights_stays_as_it_is() -> None:
    problem = true_problem().select(np.empty(0, np.int64))
    found = adjust(problem, CAMERA, 5)
    np.testing.assert_array_equal(found.points, problem.points)
    assert agreeing(problem, CAMERA).shape == (0,)


def test_a_point_on_a_camera_centre_or_behind_it_is_no_obstacle() -> None:
    truth = true_problem()
    points = truth.points.copy()
    points[0] = se3.inverse(truth.T_cam_world[0])[:3, 3]
    points[1] = [0, 0, -5]
    problem = replace(truth, points=points)
    found = adjust(problem, CAMERA, 10)
    assert np.isfinite(found.points).all() and cost(found) <= cost(problem)
    assert not agreeing(problem, CAMERA)[problem.point_of == 1].any()


@pytest.mark.parametrize(("depth", "num_free"), [(True, 2), (False, 3)])  # with one of four fixed, scale is free
def test_what_is_condensed_is_the_schur_complement_of_the_full_normal_equations(depth: bool, num_free: int) -> None:
    truth = true_problem(noise=0.5, depth=depth, num_cameras=4, num_points=25, num_free=num_free)
    problem = disturbed(truth, amount=0.3)
    problem = problem.select(np.isin(problem.point_of, np.flatnonzero(np.bincount(problem.point_of) > 1)))
    shared = np.random.default_rng(3).normal(size=(len(problem.camera_of), 3, 2))
    J, r = numerical_jacobian(problem), residuals(problem)
    seen = np.abs(J).max(axis=0) > 0  # points that nobody sees any more follow nothing
    root = np.repeat(np.sqrt(robust_weights(r)[0]), 3)[:, None]
    others, own, error = root * J[:, seen], root * shared.reshape(-1, 2), root[:, 0] * r.ravel()
    follow = np.linalg.lstsq(others, own, rcond=1e-6)[0]
    left = own - others @ follow  # what no pose and no point makes up for
    information, gradient = condense(problem, CAMERA, shared)
    np.testing.assert_allclose(information, left.T @ left, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(gradient, left.T @ error, rtol=1e-3, atol=1e-2)
