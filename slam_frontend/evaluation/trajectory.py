"""How far an estimated trajectory is from the truth: ATE, RPE and KITTI's drift."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import Trajectory, associate
from slam_frontend.types import Array

Alignment = Literal["se3", "sim3", "none"]
ALIGNMENTS = {"se3": "SE(3)", "sim3": "Sim(3)", "none": "no"}  # as they are written
KITTI_LENGTHS = (100, 200, 300, 400, 500, 600, 700, 800)  # metres
SHORT_LENGTHS = (10, 20, 30, 40, 50, 60, 70, 80)  # for clips of less than 100 m
STRAIGHT = 0.1  # of a path's length: one that leaves its line by no more leaves the turn about it open
LITTLE = 1e-3  # of what positions weigh
WRONG_SCALE = 1.2  # times or a part: drift alone is less
WORTH_SCALING = 0.3  # of the errors: where more are left, the scale isn't what is wrong
KITTI_STEP = 10  # the benchmark starts a stretch at every tenth frame


@dataclass(frozen=True)
class ErrorStatistics:
    """What one kind of error looks like over a trajectory."""

    rmse: float
    mean: float
    median: float
    max: float
    count: int


@dataclass(frozen=True)
class KittiDrift:
    """Mean drift over stretches of the path, as the KITTI benchmark counts it."""

    t_rel_percent: float
    r_rel_deg_per_100m: float
    lengths: tuple[int, ...]  # metres; the benchmark's own are 100 to 800
    stretches: int

    @property
    def is_standard(self) -> bool:
        """Whether all lengths of the benchmark were there."""
        return self.lengths == KITTI_LENGTHS


@dataclass(frozen=True)
class TrajectoryMetrics:
    """Errors in metres and degrees; None where the trajectory is too short to say, or has no clock."""

    alignment: Alignment
    scale: float  # what the estimate was multiplied with
    associated: int
    path_length: float  # of the truth, over the associated poses
    duration: float | None  # seconds
    ate: ErrorStatistics
    rpe_translation: ErrorStatistics | None  # from each pose to the next
    rpe_rotation_deg: ErrorStatistics | None
    rpe_translation_per_second: ErrorStatistics | None
    rpe_rotation_deg_per_second: ErrorStatistics | None
    drift: KittiDrift | None

    @property
    def ate_percent(self) -> float:
        """The ATE's rmse in percent of the path."""
        return 100 * self.ate.rmse / self.path_length if self.path_length > 0 else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return {**asdict(self), "ate_percent": self.ate_percent}


@dataclass(frozen=True)
class AlignedPair:
    """The associated poses of both sides in the truth's coordinates."""

    timestamps: Array  # (M,) the estimate's
    estimate: Array  # (M,4,4)
    truth: Array  # (M,4,4)
    scale: float
    T_truth_estimate: Array  # (4,4), to be applied after the scale

    @property
    def errors(self) -> Array:
        """(M,) metres between the positions."""
        errors: Array = np.linalg.norm(self.estimate[:, :3, 3] - self.truth[:, :3, 3], axis=1)
        return errors

    def move(self, T_world_cam: Array) -> Array:
        """Any poses (N,4,4) of the estimate, in the truth's coordinates."""
        moved = T_world_cam.copy()
        moved[:, :3, 3] *= self.scale
        return np.asarray(self.T_truth_estimate @ moved)


def evaluate(
    estimate: Trajectory, truth: Trajectory, align: Alignment = "se3", max_difference: float = 0.02
) -> TrajectoryMetrics:
    """All errors of the estimate's located poses that have a truth within ``max_difference`` seconds."""
    pair = align_to_truth(estimate, truth, align, max_difference)
    steps = np.stack([np.arange(len(pair.timestamps) - 1), np.arange(1, len(pair.timestamps))], axis=1)
    has_clock = estimate.has_clock and truth.has_clock
    seconds = _pairs_a_second_apart(pair.timestamps) if has_clock else np.empty((0, 2), np.int64)
    step_translation, step_rotation = _relative_errors(pair, steps)
    second_translation, second_rotation = _relative_errors(pair, seconds)
    return TrajectoryMetrics(
        alignment=align,
        scale=pair.scale,
        associated=len(pair.timestamps),
        path_length=float(_distances(pair.truth)[-1]),
        duration=float(pair.timestamps[-1] - pair.timestamps[0]) if has_clock else None,
        ate=_required_statistics(pair.errors),
        rpe_translation=_statistics(step_translation),
        rpe_rotation_deg=_statistics(step_rotation),
        rpe_translation_per_second=_statistics(second_translation),
        rpe_rotation_deg_per_second=_statistics(second_rotation),
        drift=_drift(pair),
    )


def find_other_scale(
    estimate: Trajectory, truth: Trajectory, errors: TrajectoryMetrics, max_difference: float = 0.02
) -> float | None:
    """The scale that brings an estimate much nearer the truth than it lies after a rigid alignment, by its errors; None
    where none does."""
    scaled = evaluate(estimate, truth, "sim3", max_difference)
    is_other = not 1 / WRONG_SCALE < scaled.scale < WRONG_SCALE
    return scaled.scale if is_other and scaled.ate.rmse < WORTH_SCALING * errors.ate.rmse else None


def alignment_of(is_metric: bool) -> Alignment:
    """SE(3) for a run in metres; one camera alone doesn't know how large the world is: Sim(3)."""
    return "se3" if is_metric else "sim3"


def align_to_truth(
    estimate: Trajectory, truth: Trajectory, align: Alignment = "se3", max_difference: float = 0.02
) -> AlignedPair:
    """The associated poses, the estimate moved onto the truth; SequenceError where they don't meet in time."""
    estimate, truth = estimate.select(estimate.located), truth.select(truth.located)
    pairs = associate(estimate.timestamps, truth.timestamps, max_difference)
    if len(pairs) < 2:
        raise SequenceError(_no_association(estimate, truth, len(pairs), max_difference))
    moved, true = estimate.T_world_cam[pairs[:, 0]].copy(), truth.T_world_cam[pairs[:, 1]]
    scale, T_truth_estimate = _alignment(moved[:, :3, 3], true[:, :3, 3], align)
    moved[:, :3, 3] *= scale
    return AlignedPair(estimate.timestamps[pairs[:, 0]], T_truth_estimate @ moved, true, scale, T_truth_estimate)


def umeyama(source: Array, target: Array, with_scale: bool) -> tuple[float, Array, Array]:
    """Scale, R (3,3) and t (3,) that bring (M,3) points closest to their targets (Umeyama 1991, eq. 40-42)."""
    mean_source, mean_target = source.mean(axis=0), target.mean(axis=0)
    centred = source - mean_source
    R, gain = _best_rotation((target - mean_target).T @ centred / len(source))
    variance = (centred**2).sum() / len(source)
    scale = gain / variance if with_scale and variance > 0 else 1.0
    return scale, R, mean_target - scale * R @ mean_source


def _best_rotation(covariance: Array) -> tuple[Array, float]:
    """The R (3,3) with the greatest trace of R^T covariance, never a reflection, and that trace."""
    U, D, Vt = np.linalg.svd(covariance)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
    return U @ np.diag(signs) @ Vt, float((D * signs).sum())


def level(pair: AlignedPair) -> AlignedPair:
    """The pair with the turn about a straight path taken from the orientations, for pictures: positions leave it open.
    Other paths stay as they are."""
    moved, true = pair.estimate[:, :3, 3], pair.truth[:, :3, 3]
    spread = np.linalg.svd(true - true.mean(axis=0), compute_uv=False)
    if spread[1] > STRAIGHT * spread[0]:
        return pair
    positions = (true - true.mean(axis=0)).T @ (moved - moved.mean(axis=0)) / max(spread[0] ** 2, 1e-12)
    turns = (pair.truth[:, :3, :3] @ pair.estimate[:, :3, :3].transpose(0, 2, 1)).mean(axis=0)
    turn = np.eye(4)
    turn[:3, :3], _ = _best_rotation(positions + LITTLE * turns)
    turn[:3, 3] = true.mean(axis=0) - turn[:3, :3] @ moved.mean(axis=0)
    return replace(pair, estimate=turn @ pair.estimate, T_truth_estimate=turn @ pair.T_truth_estimate)


def _alignment(source: Array, target: Array, align: Alignment) -> tuple[float, Array]:
    T_truth_estimate = np.eye(4)
    if align == "none":
        return 1.0, T_truth_estimate
    scale, T_truth_estimate[:3, :3], T_truth_estimate[:3, 3] = umeyama(source, target, with_scale=align == "sim3")
    return scale, T_truth_estimate


def _no_association(estimate: Trajectory, truth: Trajectory, found: int, max_difference: float) -> str:
    def span(trajectory: Trajectory) -> str:
        if len(trajectory) == 0:
            return "no poses"
        return f"{len(trajectory)} poses from {trajectory.timestamps[0]:.3f} to {trajectory.timestamps[-1]:.3f} s"

    return (
        f"only {found} poses of the estimate ({span(estimate)}) have a truth ({span(truth)}) within "
        f"{max_difference} s; at least 2 are needed: are both on the same clock?"
    )


def _relative_errors(pair: AlignedPair, pairs: Array) -> tuple[Array, Array]:
    """Metres and degrees by which the motion between each pair of rows differs from the true one."""
    if len(pairs) == 0:
        return np.empty(0), np.empty(0)
    first, last = pairs.T
    true_motion = np.linalg.inv(pair.truth[first]) @ pair.truth[last]
    motion = np.linalg.inv(pair.estimate[first]) @ pair.estimate[last]
    error = np.linalg.inv(true_motion) @ motion
    angles = np.rad2deg(Rotation.from_matrix(error[:, :3, :3]).magnitude())
    return np.linalg.norm(error[:, :3, 3], axis=1), angles


def _pairs_a_second_apart(timestamps: Array) -> Array:
    later = np.searchsorted(timestamps, timestamps + 1.0)
    candidates = np.clip(np.stack([later - 1, later]), 0, len(timestamps) - 1)
    gaps = np.abs(timestamps[candidates] - timestamps - 1.0)
    last = np.where(gaps[0] <= gaps[1], candidates[0], candidates[1])
    close = gaps.min(axis=0) <= min(0.6 * float(np.median(np.diff(timestamps))), 0.1)
    return np.stack([np.flatnonzero(close), last[close]], axis=1)


def _distances(T_world_cam: Array) -> Array:
    """(M,) metres travelled until each pose."""
    steps = np.linalg.norm(np.diff(T_world_cam[:, :3, 3], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _drift(pair: AlignedPair) -> KittiDrift | None:
    """Over the benchmark's lengths that fit into the path, or over a tenth of them where none does."""
    distances = _distances(pair.truth)
    is_long = distances[-1] > KITTI_LENGTHS[0]
    lengths, step = (KITTI_LENGTHS, KITTI_STEP) if is_long else (SHORT_LENGTHS, 1)
    stretches = _stretches(distances, lengths, step)
    if len(stretches) == 0:
        return None
    translation, rotation = _relative_errors(pair, stretches[:, :2])
    return KittiDrift(
        t_rel_percent=float((translation / stretches[:, 2]).mean() * 100),
        r_rel_deg_per_100m=float((rotation / stretches[:, 2]).mean() * 100),
        lengths=tuple(int(length) for length in np.unique(stretches[:, 2])),
        stretches=len(stretches),
    )


def _stretches(distances: Array, lengths: tuple[int, ...], step: int) -> Array:
    """Rows (first, last, length): from every ``step``-th pose to the first one that is farther than the length."""
    first = np.arange(0, len(distances), step)
    found = []
    for length in lengths:
        last = np.searchsorted(distances, distances[first] + length, side="right")
        fits = last < len(distances)
        found.append(np.stack([first[fits], last[fits], np.full(fits.sum(), length)], axis=1))
    return np.concatenate(found)


def _required_statistics(errors: Array) -> ErrorStatistics:
    return ErrorStatistics(
        rmse=float(np.sqrt(np.mean(errors**2))),
        mean=float(errors.mean()),
        median=float(np.median(errors)),
        max=float(errors.max()),
        count=len(errors),
    )


def _statistics(errors: Array) -> ErrorStatistics | None:
    return _required_statistics(errors) if len(errors) else None
