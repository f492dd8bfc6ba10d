"""The relative pose of two views, or the honest answer that they don't tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.geometry.relative_pose import TwoView, judge, two_view_candidates
from slam_frontend.geometry.reprojection import Measurements, coarseness
from slam_frontend.mapping import BundleProblem, adjust, errors_of
from slam_frontend.tracking.witnesses import Witness, hear, nearest, squared_at_infinity
from slam_frontend.types import Array, Camera, View

MAX_ITERATIONS = 10
CLEARLY_WORSE = 1.12  # times the least cost: a rival within could as well be the truth
BY_MORE_THAN_CHANCE = 4.0  # standard deviations: of twins that a plane leaves either may be cheaper at some frame
SURELY_WORSE = 2.0  # where the parallax is short, and what isn't modelled (a rolling shutter, a blur) weighs as much
MANY_MATCHES = 400  # a pose's uncertainty falls with the square root of its matches: more need less parallax
SHORTEST = 0.5  # of the parallax asked for, which does where all rivals are surely worse
MEDIAN_CHI2 = 0.455  # of one degree of freedom: two views of a point say four numbers, three of which place it
OUTLIER = 9.0  # three standard deviations, squared
MIN_NOISE = 0.04  # times the variance of the measurement model; no keypoints are better than that
LITTLE = 0.5  # of the noise that sharp views may have: recordings that are noisy throughout have more between any two
SAME_ROTATION_DEG = 1.5
SAME_DIRECTION_DEG = 10.0  # of planes' twins some lie 13 apart; a start may come 15 frames later than with 15


@dataclass(frozen=True)
class Answer:
    """What two views tell of each other."""

    solution: TwoView | None = None
    is_first_blurred: bool = False  # no solution, not for want of parallax but for the noise of the first view


@dataclass(frozen=True)
class _Refined:
    solution: TwoView
    errors: Array  # (N,) squared, whitened: of all matches in both views; (N,1+W) with those in witnesses

    def costs(self, noise: float) -> Array:
        """(N,) of the matches, truncated in each view, in units of the noise."""
        return np.asarray(np.minimum(self.errors / noise, OUTLIER).reshape(len(self.errors), -1).sum(axis=1))

    def cost(self, noise: float) -> float:
        """Of all matches."""
        return float(self.costs(noise).sum())


def solve_two_view(
    view0: View,
    view1: View,
    camera: Camera,
    threshold: float,
    min_parallax: float,
    seed: int,
    witnesses: Sequence[Witness] = (),
) -> Answer:
    """The pose that explains matched views (row i of one sees what row i of the other sees) clearly best, if one does.

    Each candidate is adjusted to the matches before it is compared: a scene near a plane leaves two
    that explain them equally well, and only a longer baseline tells which is true. For the same reason all
    of them must show ``min_parallax`` (radians), for under a short baseline the false one may fit the noise better;
    half of it does where nothing else comes near. Many matches need less of it, and the noisier they are, the clearer
    the answer must be; and however many there are, it must be by more than chance. Where two views leave it open under
    enough parallax, ``witnesses`` decide.
    """
    refined = _solve(view0, view1, camera, threshold, seed)
    if not refined:
        return Answer()
    noise = _noise(refined)
    if min(refined, key=lambda one: one.cost(noise)).solution.parallax < SHORTEST * min_parallax:
        return Answer()
    many = max(1.0, len(view0.keypoints) / MANY_MATCHES)
    is_short = min(one.solution.parallax for one in refined) < min_parallax / np.sqrt(many)
    worse = 1 + ((SURELY_WORSE if is_short else CLEARLY_WORSE) - 1) * max(noise, 1.0)
    best = _clearly_best(refined, noise, worse)
    if best is None and witnesses and not is_short:
        heard = [_hear(one, view0, view1, witnesses, camera, threshold) for one in _unlike(refined, noise)]
        best = _clearly_best(heard, noise, worse)
    if best is None:
        is_noisy = not is_short and noise > _most_noise(camera)
        return Answer(is_first_blurred=is_noisy and _is_sharp(view1, witnesses, camera, threshold, seed))
    return Answer(best.solution)


def _clearly_best(refined: list[_Refined], noise: float, worse: float) -> _Refined | None:
    """The one that costs least, if all that differ from it cost so many times as much, and more than by chance."""
    best = min(refined, key=lambda one: one.cost(noise))
    bound = worse * best.cost(noise)
    rivals = [one for one in refined if one.cost(noise) < bound or not _is_beaten(one, best, noise)]
    return best if all(_alike(one.solution.T_1_0, best.solution.T_1_0) for one in rivals) else None


def _unlike(refined: list[_Refined], noise: float) -> list[_Refined]:
    """Of those that are alike the one that costs least."""
    unlike: list[_Refined] = []
    for one in sorted(refined, key=lambda one: one.cost(noise)):
        if not any(_alike(one.solution.T_1_0, other.solution.T_1_0) for other in unlike):
            unlike.append(one)
    return unlike


def _hear(
    one: _Refined, view0: View, view1: View, witnesses: Sequence[Witness], camera: Camera, threshold: float
) -> _Refined:
    T_1_0, errors = hear(one.solution, view0, view1, witnesses, camera, threshold)
    T_1_0[:3, 3] /= np.linalg.norm(T_1_0[:3, 3])
    return _Refined(judge(T_1_0, view0.keypoints, view1.keypoints, camera, threshold), errors)


def _refine(solution: TwoView, view0: View, view1: View, camera: Camera, threshold: float) -> _Refined:
    rows = np.flatnonzero(solution.inliers)
    problem = _problem(solution.T_1_0, solution.points, view0, view1, rows, camera)
    T_1_0 = adjust(problem, camera, MAX_ITERATIONS).T_cam_world[0]
    T_1_0[:3, 3] /= np.linalg.norm(T_1_0[:3, 3])
    refined = judge(T_1_0, view0.keypoints, view1.keypoints, camera, threshold)
    return _Refined(refined, _errors(refined, view0, view1, camera))


def _errors(solution: TwoView, view0: View, view1: View, camera: Camera) -> Array:
    """By the point of a match or by one at infinity, whichever is nearer."""
    rows = np.flatnonzero(solution.inliers)
    near = errors_of(_problem(solution.T_1_0, solution.points, view0, view1, rows, camera), camera)
    far = squared_at_infinity(solution.T_1_0, view0, view1, camera)
    return nearest(far, rows, (near**2).sum(axis=1).reshape(2, -1).sum(axis=0))


def _is_beaten(rival: _Refined, best: _Refined, noise: float) -> bool:
    """Whether match by match the best gains more than it would by chance (a paired test)."""
    gains = rival.costs(noise) - best.costs(noise)
    return bool(gains.sum() > BY_MORE_THAN_CHANCE * np.sqrt((gains**2).sum()))


def _solve(view0: View, view1: View, camera: Camera, threshold: float, seed: int) -> list[_Refined]:
    candidates = two_view_candidates(view0.keypoints, view1.keypoints, camera, threshold, seed)
    return [_refine(candidate, view0, view1, camera, threshold) for candidate in candidates]


def _is_sharp(view1: View, witnesses: Sequence[Witness], camera: Camera, threshold: float, seed: int) -> bool:
    """Whether the latest of the views in between and the second one fit each other with little noise."""
    if not witnesses:
        return False
    refined = _solve(witnesses[-1].view, view1.select(witnesses[-1].matches), camera, threshold, seed)
    return bool(refined) and _noise(refined) < LITTLE * _most_noise(camera)


def _noise(refined: list[_Refined]) -> float:
    """The variance that the matches explained by the best show, times that of the measurement model."""
    best = min(refined, key=lambda one: one.cost(1.0))
    explained = best.errors[best.solution.explained]
    return max(float(np.median(explained)) / MEDIAN_CHI2, MIN_NOISE) if len(explained) else 1.0


def _most_noise(camera: Camera) -> float:
    """Of the matches of sharp views: where pixels are finer than a lens, it is of more of them."""
    return max(1.0, pixel_scale(camera) / coarseness(camera)) ** 2


def _problem(T_1_0: Array, points: Array, view0: View, view1: View, rows: Array, camera: Camera) -> BundleProblem:
    """View 1 moves, view 0 stays; depth has no say."""
    sights = [Measurements.of(view.select(rows), np.arange(len(rows)), camera) for view in (view1, view0)]
    measured = Measurements.concatenate(sights)
    camera_of, point_of = np.repeat([0, 1], len(rows)), np.tile(np.arange(len(rows)), 2)
    return BundleProblem(np.stack([T_1_0, np.eye(4)]), 1, points[rows], camera_of, point_of, measured)


def _alike(T_a: Array, T_b: Array) -> bool:
    turn = np.rad2deg(se3.rotation_angle(T_a[:3, :3] @ T_b[:3, :3].T))
    cosine = np.clip(T_a[:3, 3] @ T_b[:3, 3], -1, 1)  # translations are unit vectors
    return bool(turn < SAME_ROTATION_DEG and np.rad2deg(np.arccos(cosine)) < SAME_DIRECTION_DEG)
