"""Trajectory errors against errors that were put in on purpose, and against evo on real paths."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.trajectory import TrajectoryMetrics, align_to_truth, evaluate, level
from slam_frontend.trajectory import Trajectory, read_kitti, read_tum

evo_metrics = pytest.importorskip("evo.core.metrics", reason="evo is not installed: pip install -e .[dev]")
from evo.core import sync  # noqa: E402
from evo.core.trajectory import PoseTrajectory3D  # noqa: E402


def transforms(rotations: Rotation, translations: np.ndarray) -> np.ndarray:
    T = np.tile(np.eye(4), (len(translations), 1, 1))
    T[:, :3, :3] = rotations.as_matrix()
    T[:, :3, 3] = translations
    return T


def straight_drive(metres: float, step: float = 1.0) -> Trajectory:
    positions = np.arange(0, metres + step / 2, step)[:, None] * [0.0, 0.0, 1.0]
    return Trajectory(np.arange(len(positions)) / 10, transforms(Rotation.identity(len(positions)), positions))


def perturbed(truth: Trajectory, rng: np.random.Generator, metres: float) -> Trajectory:
    """The truth with drifting noise, seen from another origin."""
    count = len(truth)
    noise = transforms(
        Rotation.from_rotvec(rng.normal(0, 0.002, (count, 3)).cumsum(axis=0)),
        rng.normal(0, metres, (count, 3)).cumsum(axis=0) * 0.1,
    )
    T_other_world = transforms(Rotation.from_rotvec([[0.3, -1.2, 0.4]]), np.array([[4.0, -2.0, 7.0]]))[0]
    jitter = rng.uniform(-0.004, 0.004, count)
    return Trajectory(truth.timestamps + jitter, T_other_world @ truth.T_world_cam @ noise)


@pytest.fixture(params=["fr1_xyz", "kitti_00"])
def real_truth(request: pytest.FixtureRequest, data_root: Path) -> Trajectory:
    if request.param == "fr1_xyz":
        return read_tum(data_root / "sequences/tum/rgbd_dataset_freiburg1_xyz/groundtruth.txt")
    poses = read_kitti(data_root / "sequences/kitti/poses/00.txt")
    return Trajectory(poses.timestamps / 10, poses.T_world_cam)


def evo_pair(estimate: Trajectory, truth: Trajectory, align: str) -> tuple[PoseTrajectory3D, PoseTrajectory3D]:
    pair = sync.associate_trajectories(
        PoseTrajectory3D(timestamps=truth.timestamps, poses_se3=list(truth.T_world_cam)),
        PoseTrajectory3D(timestamps=estimate.timestamps, poses_se3=list(estimate.T_world_cam)),
        max_diff=0.02,
    )
    if align != "none":
        pair[1].align(pair[0], correct_scale=align == "sim3")
    return pair


def evo_statistics(metric: object, pair: tuple[PoseTrajectory3D, PoseTrajectory3D]) -> dict[str, float]:
    metric.process_data(pair)  # type: ignore[attr-defined]
    return metric.get_all_statistics()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.data
@pytest.mark.parametrize("align", ["none", "se3", "sim3"])
def test_errors_agree_with_evo_on_real_paths(real_truth: Trajectory, align: str) -> None:
    estimate = perturbed(real_truth, np.random.default_rng(5), metres=0.05)
    if align == "sim3":
        estimate.T_world_cam[:, :3, 3] *= 0.31
    mine: TrajectoryMetrics = evaluate(estimate, real_truth, align=align)  # type: ignore[arg-type]
    pair = evo_pair(estimate, real_truth, align)
    relation = evo_metrics.PoseRelation
    frames = evo_metrics.Unit.frames
    theirs = {
        "ate": evo_statistics(evo_metrics.APE(relation.translation_part), pair),
        "rpe_translation": evo_statistics(evo_metrics.RPE(relation.translation_part, 1, frames), pair),
        "rpe_rotation_deg": evo_statistics(evo_metrics.RPE(relation.rotation_angle_deg, 1, frames), pair),
    }
    assert mine.associated == pair[0].num_poses
    for name, expected in theirs.items():
        for statistic in ("rmse", "mean", "median", "max"):
            assert getattr(getattr(mine, name), statistic) == pytest.approx(expected[statistic], rel=1e-6, abs=1e-6)


def test_a_rigidly_moved_truth_has_no_error() -> None:
    truth = straight_drive(30)
    T = transforms(Rotation.from_rotvec([[0.1, 0.2, 0.3]]), np.array([[1.0, 2.0, 3.0]]))[0]
    metrics = evaluate(Trajectory(truth.timestamps, T @ truth.T_world_cam), truth)
    assert metrics.ate.max < 1e-9
    assert metrics.rpe_translation is not None
    assert metrics.rpe_translation.max < 1e-9
    assert metrics.path_length == pytest.approx(30)


def test_only_a_similarity_forgives_a_wrong_scale() -> None:
    truth = straight_drive(30)
    half = truth.T_world_cam.copy()
    half[:, :3, 3] *= 0.5
    estimate = Trajectory(truth.timestamps, half)
    assert evaluate(estimate, truth, align="sim3").scale == pytest.approx(2)
    assert evaluate(estimate, truth, align="sim3").ate.rmse < 1e-9
    assert evaluate(estimate, truth, align="se3").ate.max == pytest.approx(7.5)


def test_a_mirrored_path_is_not_aligned_by_a_reflection() -> None:
    angles = np.linspace(0, 3, 40)
    helix = np.stack([np.cos(angles), np.sin(angles), angles], axis=1)
    truth = Trajectory(angles, transforms(Rotation.identity(40), helix))
    mirrored = Trajectory(angles, transforms(Rotation.identity(40), helix * [1, 1, -1]))
    pair = align_to_truth(mirrored, truth)
    assert np.linalg.det(pair.T_truth_estimate[:3, :3]) == pytest.approx(1)
    assert pair.errors.max() > 0.1


def test_a_straight_drive_is_levelled_by_its_orientations() -> None:
    truth = straight_drive(60)
    noise = np.random.default_rng(0).normal(0, 0.05, (len(truth), 3))
    turn = transforms(Rotation.from_euler("z", [70], degrees=True), np.array([[3.0, -2.0, 5.0]]))[0]
    estimate = replace(truth, T_world_cam=turn @ truth.T_world_cam)
    estimate.T_world_cam[:, :3, 3] += noise
    pair = align_to_truth(estimate, truth)

    def tilt(rotations: np.ndarray) -> float:
        return float(np.rad2deg(Rotation.from_matrix(rotations).magnitude()).max())

    assert tilt(pair.estimate[:, :3, :3]) > 10  # noise has chosen
    levelled = level(pair)
    assert tilt(levelled.estimate[:, :3, :3]) < 1
    assert levelled.errors.max() < 0.3
    np.testing.assert_allclose(levelled.move(estimate.T_world_cam), levelled.estimate, atol=1e-9)


def test_a_path_that_curves_stays_as_it_is_aligned() -> None:
    truth = straight_drive(60)
    truth.T_world_cam[30:, 0, 3] = np.arange(31)
    pair = align_to_truth(truth, truth)
    assert level(pair) is pair


def test_drift_is_what_was_put_in() -> None:
    truth = straight_drive(1000)
    longer = truth.T_world_cam.copy()
    longer[:, :3, 3] *= 1.02
    drift = evaluate(Trajectory(truth.timestamps, longer), truth, align="none").drift
    assert drift is not None
    assert drift.is_standard
    # The benchmark takes the first pose beyond the length, here one step of 1 m farther.
    assert drift.t_rel_percent == pytest.approx(2.0, rel=0.01)
    assert drift.r_rel_deg_per_100m == pytest.approx(0, abs=1e-6)


def test_rotation_drift_is_degrees_per_hundred_metres() -> None:
    truth = straight_drive(900, step=0.5)
    turning = truth.T_world_cam.copy()
    turning[:, :3, :3] = Rotation.from_euler("y", 0.005 * np.arange(len(truth))[:, None], degrees=True).as_matrix()
    drift = evaluate(Trajectory(truth.timestamps, turning), truth, align="none").drift
    assert drift is not None
    assert drift.r_rel_deg_per_100m == pytest.approx(1.0, rel=0.01)


def test_drift_over_a_short_clip_names_the_lengths_that_fit() -> None:
    drift = evaluate(straight_drive(45), straight_drive(45)).drift
    assert drift is not None
    assert drift.lengths == (10, 20, 30, 40)
    assert not drift.is_standard
    assert evaluate(straight_drive(5), straight_drive(5)).drift is None


def test_drift_is_that_of_the_benchmarks_lengths_as_soon_as_one_fits() -> None:
    drift = evaluate(straight_drive(250), straight_drive(250)).drift
    assert drift is not None
    assert drift.lengths == (100, 200)


def test_errors_per_second_compare_poses_a_second_apart() -> None:
    truth = straight_drive(100)  # ten poses a second
    faster = truth.T_world_cam.copy()
    faster[:, :3, 3] *= 1.1
    metrics = evaluate(Trajectory(truth.timestamps, faster), truth, align="none")
    assert metrics.rpe_translation_per_second is not None
    assert metrics.rpe_translation_per_second.rmse == pytest.approx(1.0)  # 10 m/s taken for 11


def test_frames_without_a_clock_have_no_seconds() -> None:
    timed = straight_drive(100)
    counted = Trajectory(np.arange(101.0), timed.T_world_cam, has_clock=False)
    for estimate, truth in ((counted, counted), (counted, replace(timed, timestamps=counted.timestamps))):
        metrics = evaluate(estimate, truth)
        assert metrics.duration is None
        assert metrics.rpe_translation_per_second is None and metrics.rpe_rotation_deg_per_second is None
        assert metrics.rpe_translation is not None and metrics.drift is not None
    assert evaluate(timed, timed).duration == pytest.approx(10)


def test_lost_poses_count_for_nothing() -> None:
    truth = straight_drive(30)
    estimate = truth.keep(np.arange(len(truth)) % 3 > 0)
    metrics = evaluate(estimate, truth)
    assert metrics.associated == 20
    assert metrics.ate.max < 1e-9


def test_a_standing_camera_has_a_scale_of_one() -> None:
    still = Trajectory(np.arange(5.0), np.tile(np.eye(4), (5, 1, 1)))
    assert evaluate(still, still, align="sim3").scale == 1


def test_two_clocks_are_reported_with_both_spans() -> None:
    truth = straight_drive(10)
    with pytest.raises(SequenceError, match="same clock"):
        evaluate(Trajectory(truth.timestamps + 1000, truth.T_world_cam), truth)
    with pytest.raises(SequenceError, match="no poses"):
        evaluate(truth.keep(np.zeros(len(truth), bool)), truth)
