"""What a comparison says of its runs."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from slam_frontend.evaluation.comparison import ComparedPath, compare_runs
from slam_frontend.evaluation.trajectory import AlignedPair
from slam_frontend.run_folder import RunFolder
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array


def turned(degrees: float, count: int = 3) -> Array:
    T_world_cam = np.tile(np.eye(4), (count, 1, 1))
    T_world_cam[:, :3, :3] = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    T_world_cam[:, 0, 3] = np.arange(count)
    return T_world_cam


def test_the_angle_is_between_the_estimate_and_the_truth() -> None:
    times = np.arange(3.0)
    for estimate, truth, expected in ((30, 30, 0), (30, 20, 10), (0, 30, 30)):
        pair = AlignedPair(times, turned(estimate), turned(truth), 1.0, np.eye(4))
        path = ComparedPath(Trajectory(times, pair.estimate), pair)
        np.testing.assert_allclose(path.angles_deg, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("sensor", "has_truth", "is_metric"), [("rgbd", False, True), ("mono", False, False), ("mono", True, True)]
)
def test_lengths_are_metres_by_the_truth_or_by_the_first_run(sensor: str, has_truth: bool, is_metric: bool) -> None:
    path = Trajectory(np.arange(3.0), turned(0))
    metrics = {"recording": "walk", "sensor": sensor}
    run = RunFolder(Path("run"), metrics, {}, path, path, path if has_truth else None, None, {})
    (comparison,) = compare_runs([run])
    assert comparison.is_metric == is_metric
