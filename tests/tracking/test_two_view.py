"""Two views from matches alone: the motion is found, or nothing is claimed."""

import numpy as np
import pytest

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.geometry.relative_pose import TwoView
from slam_frontend.tracking import two_view
from slam_frontend.tracking.witnesses import Witness, hear
from slam_frontend.types import Array, Camera, Features, View

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
T_1_0 = se3.exp(np.array([-0.5, 0.1, 0.15, 0.02, -0.08, 0.05]))
SWAY = np.repeat([0.15, 0.01], 3)  # of a hand that doesn't move along a straight line
ROTATION = se3.exp(np.array([0, 0, 0, 0.02, -0.1, 0.05]))


def solve_two_view(
    keypoints0: Array, keypoints1: Array, camera: Camera, threshold: float, seed: int = 0, min_parallax_deg: float = 0.0
) -> TwoView | None:
    views = view_of(keypoints0), view_of(keypoints1)
    return two_view.solve_two_view(*views, camera, threshold, float(np.deg2rad(min_parallax_deg)), seed).solution


def view_of(keypoints: Array) -> View:
    ones = np.ones(len(keypoints), np.float32)
    pixels = keypoints.astype(np.float32)
    features = Features(pixels, ones, np.ones((len(pixels), 8), np.float32), "l2", ones)
    return View(0, 0.0, features, pixels, np.full(len(pixels), np.nan, np.float32))


def cloud(num: int = 300) -> Array:
    return np.random.default_rng(0).uniform([-2, -1.5, 3], [2, 1.5, 8], (num, 3))


def plane(num: int = 300) -> Array:
    xy = np.random.default_rng(0).uniform([-2, -1.5], [2, 1.5], (num, 2))
    return np.insert(xy, 2, 5 + 0.4 * xy[:, 0] - 0.3 * xy[:, 1], axis=1)


def street(num: int = 400) -> Array:
    """Half of it near, half of it so far that noise decides where its rays meet."""
    rng = np.random.default_rng(0)
    depth = np.where(rng.random(num) < 0.5, rng.uniform(50, 400, num), rng.uniform(4, 15, num))
    return np.stack([rng.uniform(-0.6, 0.6, num) * depth, rng.uniform(-0.45, 0.45, num) * depth, depth], axis=1)


def steps(length: float, num: int = 12) -> list[Array]:
    """Motions in any direction, mostly sidewards, with a small turn."""
    rng = np.random.default_rng(0)
    shifts = rng.normal(size=(num, 3)) * [1, 1, 0.3]
    shifts *= length / np.linalg.norm(shifts, axis=1, keepdims=True)
    return [se3.exp(np.concatenate([shift, rng.normal(0, 0.03, 3)])) for shift in shifts]


def sidewards(length: float) -> Array:
    return se3.from_rotation_translation(np.eye(3), [length, 0, 0])


def seen(points: Array, motion: Array, outliers: float = 0.0, noise: float = 0.3) -> tuple[Array, Array, Array]:
    """Pixels in both views, and which of the matches are true."""
    rng = np.random.default_rng(1)
    keypoints0 = project(points, CAMERA) + rng.normal(0, noise, (len(points), 2))
    keypoints1 = project(se3.transform(motion, points), CAMERA) + rng.normal(0, noise, (len(points), 2))
    wild = rng.random(len(points)) < outliers
    keypoints1[wild] = rng.uniform([0, 0], [640, 480], (wild.sum(), 2))
    return keypoints0, keypoints1, ~wild


def errors_deg(solution: TwoView, motion: Array) -> tuple[float, float]:
    """Of the rotation and of the translation's direction."""
    R_error = solution.T_1_0[:3, :3].T @ motion[:3, :3]
    cosine = solution.T_1_0[:3, 3] @ motion[:3, 3] / np.linalg.norm(motion[:3, 3])
    return float(np.rad2deg(se3.rotation_angle(R_error))), float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def test_two_views_recover_rotation_and_direction_with_half_outliers() -> None:
    keypoints0, keypoints1, true = seen(cloud(), T_1_0, outliers=0.5)
    solution = solve_two_view(keypoints0, keypoints1, CAMERA, 1.5)
    assert solution is not None
    rotation, direction = errors_deg(solution, T_1_0)
    assert rotation < 0.5 and direction < 3
    assert solution.inliers[true].mean() > 0.95
    assert solution.inliers[~true].mean() < 0.1


def test_two_views_of_a_plane_recover_the_motion_or_nothing_since_a_plane_can_have_two() -> None:
    rng = np.random.default_rng(0)
    solved = 0
    for _ in range(20):
        motion = se3.exp(np.concatenate([rng.normal(0, [0.5, 0.2, 0.3]), rng.normal(0, 0.06, 3)]))
        keypoints0, keypoints1, _ = seen(plane(), motion, outliers=0.2)
        solution = solve_two_view(keypoints0, keypoints1, CAMERA, 1.5)
        if solution is not None:
            rotation, direction = errors_deg(solution, motion)
            assert rotation < 1 and direction < 8
            solved += 1
    assert solved >= 5


@pytest.mark.parametrize("noise", [0.3, 0.7])
def test_the_false_twin_of_a_plane_is_not_taken_for_the_truth_by_chance(noise: float) -> None:
    """Who approaches a slanted plane sees both twins explain the matches; which does so better, the noise decides."""
    solved = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        xy, slant = rng.uniform([-1.8, -1.4], [1.8, 1.4], (150, 2)), rng.uniform(-0.5, 0.5, 2)
        points = np.insert(xy, 2, 4 + xy @ slant, axis=1)
        motion = se3.exp(np.concatenate([0.4 * rng.normal([0, 0, -1], [0.1, 0.1, 0]), rng.normal(0, 0.02, 3)]))
        solution = solve_two_view(*seen(points, motion, noise=noise)[:2], CAMERA, 1.5, min_parallax_deg=2)
        if solution is not None:
            assert errors_deg(solution, motion)[1] < 12
            solved += 1
    assert solved >= 2


def test_views_between_tell_the_twins_of_a_plane_apart_whatever_else_they_saw() -> None:
    """A tenth of what each of them shows is wrong, and a third of it missing."""
    alone, heard = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        twist = rng.normal(0, [0.4, 0.2, 0.3, 0.06, 0.06, 0.06])
        motions = [se3.exp(part * twist + rng.normal(0, SWAY)) for part in (0, 0.3, 0.5, 0.8, 1)]
        pixels = [project(se3.transform(motion, plane()), CAMERA) for motion in motions]
        first, *between, last = [view_of(exact + rng.normal(0, 0.3, exact.shape)) for exact in pixels]
        witnesses = []
        for view in between:
            rows = np.sort(rng.permutation(300)[:200])
            view.keypoints[rows[::10]] = rng.uniform([0, 0], [640, 480], (20, 2))
            witnesses.append(Witness(view.select(rows), rows))
        motion = motions[-1] @ se3.inverse(motions[0])
        for found, some in ((alone, []), (heard, witnesses)):
            solution = two_view.solve_two_view(first, last, CAMERA, 1.5, np.deg2rad(2.0), 0, some).solution
            found += [] if solution is None else [errors_deg(solution, motion)[1]]
    assert len(heard) > 2 * len(alone) > 0
    assert max(heard) < 5


def test_witnesses_of_a_pose_that_places_no_point_find_all_matches_wrong() -> None:
    exact = [project(se3.transform(motion, plane()), CAMERA) for motion in (np.eye(4), sidewards(0.1), sidewards(0.2))]
    first, between, last = (view_of(pixels) for pixels in exact)
    nothing = TwoView(T_1_0, np.full((300, 3), np.nan), np.zeros(300, bool), 0.0)
    witness = Witness(between.select(np.arange(50)), np.arange(50))
    T_heard, errors = hear(nothing, first, last, [witness], CAMERA, 1.5)
    np.testing.assert_array_equal(T_heard, T_1_0)
    assert (errors[:, 0] > 9).all() and (errors[:50, 1] > 9).all() and not errors[50:, 1].any()


def test_the_points_are_the_true_ones_up_to_scale() -> None:
    points = cloud()
    solution = solve_two_view(*seen(points, T_1_0, noise=0.0)[:2], CAMERA, 1.5)
    assert solution is not None
    scale = np.linalg.norm(T_1_0[:3, 3])
    np.testing.assert_allclose(solution.points * scale, points, rtol=1e-3, atol=1e-3)


def test_parallax_is_what_a_quarter_of_the_points_exceed() -> None:
    points = cloud()
    solution = solve_two_view(*seen(points, T_1_0, noise=0.0)[:2], CAMERA, 1.5)
    assert solution is not None
    to1 = se3.inverse(T_1_0)[:3, 3] - points
    cosine = (-points * to1).sum(1) / np.linalg.norm(points, axis=1) / np.linalg.norm(to1, axis=1)
    assert solution.parallax == pytest.approx(np.quantile(np.arccos(cosine), 0.75), rel=0.01)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_pure_rotation_is_no_start_for_a_map(noise: float) -> None:
    solution = solve_two_view(*seen(cloud(), ROTATION, noise=noise)[:2], CAMERA, 1.5)
    assert solution is None or np.rad2deg(solution.parallax) < 1.0


def test_standing_still_is_no_start_for_a_map() -> None:
    solution = solve_two_view(*seen(cloud(), np.eye(4))[:2], CAMERA, 1.5)
    assert solution is None or np.rad2deg(solution.parallax) < 1.0


def test_matches_that_agree_on_nothing_have_no_solution() -> None:
    rng = np.random.default_rng(3)
    keypoints0, keypoints1 = rng.uniform([0, 0], [640, 480], (2, 200, 2))
    solution = solve_two_view(keypoints0, keypoints1, CAMERA, 1.5)
    assert solution is None or solution.inliers.mean() < 0.5


@pytest.mark.parametrize("num", [0, 7])
def test_too_few_matches_have_no_solution(num: int) -> None:
    assert solve_two_view(*seen(cloud(), T_1_0)[:2], CAMERA, 1.5) is not None
    assert solve_two_view(*(pixels[:num] for pixels in seen(cloud(), T_1_0)[:2]), CAMERA, 1.5) is None


def test_degenerate_matches_neither_crash_nor_claim_a_map() -> None:
    one_place = np.tile([[100.0, 80.0]], (60, 1))
    line = np.stack([np.linspace(0, 600, 60), np.linspace(0, 400, 60)], axis=1)
    for keypoints0, keypoints1 in [(one_place, one_place), (line, line), (line, line + 5), (line, one_place)]:
        solution = solve_two_view(keypoints0, keypoints1, CAMERA, 1.5)
        assert solution is None or solution.inliers.mean() < 0.7 or np.rad2deg(solution.parallax) < 1.5


def test_the_same_seed_gives_the_same_solution_to_the_bit() -> None:
    keypoints0, keypoints1, _ = seen(cloud(), T_1_0, outliers=0.5)
    first, again = (solve_two_view(keypoints0, keypoints1, CAMERA, 1.5, seed=4) for _ in range(2))
    assert first is not None and again is not None
    assert first.T_1_0.tobytes() == again.T_1_0.tobytes()
    assert first.points.tobytes() == again.points.tobytes()


def test_a_short_step_is_enough_where_nothing_but_the_truth_explains_the_views() -> None:
    for motion in steps(0.3, num=6):
        solution = solve_two_view(*seen(street(), motion)[:2], CAMERA, 1.5, min_parallax_deg=2.0)
        assert solution is not None and np.rad2deg(solution.parallax) < 2.0
        rotation, direction = errors_deg(solution, motion)
        assert rotation < 0.2 and direction < 3


def test_no_step_is_so_short_that_a_false_pose_is_taken_for_it() -> None:
    solutions = []
    for length in (0.05, 0.1, 0.2):
        for motion in steps(length, num=5):
            for points in (street(), cloud(), plane()):
                solution = solve_two_view(*seen(points, motion)[:2], CAMERA, 1.5, min_parallax_deg=2.0)
                solutions += [] if solution is None else [errors_deg(solution, motion)]
    assert len(solutions) > 5
    assert max(direction for _, direction in solutions) < 10


def test_the_noisier_the_matches_the_clearer_the_answer_must_be() -> None:
    motions = steps(0.2, num=8)

    def directions(noise: float) -> list[float]:
        pairs = [seen(plane(), motion, noise=noise)[:2] for motion in motions]
        solutions = [solve_two_view(*pair, CAMERA, 1.5, min_parallax_deg=2.0) for pair in pairs]
        return [errors_deg(one, motion)[1] for one, motion in zip(solutions, motions, strict=True) if one is not None]

    fine, rough = directions(0.3), directions(1.2)
    assert len(fine) > len(rough)
    assert max(fine) < 5 and max(rough, default=0.0) < 10


@pytest.mark.parametrize(
    ("noises", "is_first_blurred"),
    [((2, 0.3, 0.3), True), ((0.3, 0.3, 2), False), ((1.4, 1.4, 1.4), False), ((0.3, 0.3, 0.3), False)],
)
def test_a_first_view_is_blurred_where_those_after_it_are_sharp(noises, is_first_blurred: bool) -> None:
    """Not where the last one is, nor where all are: another first view would be as noisy."""
    rng = np.random.default_rng(1)
    motion = steps(0.4, num=1)[0]
    poses = np.eye(4), se3.exp(0.75 * se3.log(motion)), motion
    pixels = [project(se3.transform(T, plane()), CAMERA) for T in poses]
    first, between, last = (
        view_of(exact + rng.normal(0, noise, exact.shape)) for exact, noise in zip(pixels, noises, strict=True)
    )
    witness = Witness(between, np.arange(300))
    answer = two_view.solve_two_view(first, last, CAMERA, 1.5, float(np.deg2rad(2.0)), 0, [witness])
    assert answer.is_first_blurred == is_first_blurred


@pytest.mark.parametrize(("num", "is_solved"), [(300, False), (1600, True)])
def test_many_matches_need_less_parallax_to_tell_a_false_twin(monkeypatch, num: int, is_solved: bool) -> None:
    """Under 1.5 degrees of the 2 asked for a twin of 1.4 times the cost is a rival, unless many matches say so."""
    points, nowhere = np.ones((num, 3)), np.zeros(num, bool)
    true, twin = (
        two_view._Refined(TwoView(motion, points, nowhere, np.deg2rad(1.5)), np.full(num, error))
        for motion, error in ((sidewards(1), 0.4), (sidewards(-1), 0.56))
    )
    monkeypatch.setattr(two_view, "two_view_candidates", lambda *_: [true, twin])
    monkeypatch.setattr(two_view, "_refine", lambda candidate, *_: candidate)
    keypoints = np.zeros((num, 2))
    solution = solve_two_view(keypoints, keypoints, CAMERA, 1.5, min_parallax_deg=2.0)
    assert solution is (true.solution if is_solved else None)
