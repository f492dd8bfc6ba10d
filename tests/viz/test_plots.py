"""The figure of a run: the right plane, the right lines, gaps left open."""

import cv2
import numpy as np
import pytest
from synthetic import curved_path

from slam_frontend.evaluation.trajectory import align_to_truth
from slam_frontend.trajectory import Trajectory
from slam_frontend.viz.palette import ONLINE
from slam_frontend.viz.plots import aligned_path, plot_trajectory

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e .[viewer]")


@pytest.fixture
def walk() -> Trajectory:
    return Trajectory(np.arange(60) / 30, curved_path(60))


def pixels_of(colour: str, png: bytes) -> int:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image.astype(int) - rgb).max(axis=2) < 8).sum())


def test_an_aligned_path_lies_on_the_truth(walk: Trajectory) -> None:
    moved = walk.T_world_cam.copy()
    moved[:, :3, 3] = moved[:, :3, 3] * 3 + [5, 6, 7]
    estimate = Trajectory(walk.timestamps, moved)
    path = aligned_path("online", ONLINE, estimate, align_to_truth(estimate, walk, "sim3"))
    np.testing.assert_allclose(path.positions, walk.T_world_cam[:, :3, 3], atol=1e-9)


def test_the_figure_shows_path_and_error(walk: Trajectory) -> None:
    shifted = walk.T_world_cam.copy()
    shifted[::2, 0, 3] += 0.05
    estimate = Trajectory(walk.timestamps, shifted)
    path = aligned_path("online", ONLINE, estimate, align_to_truth(estimate, walk))
    png = plot_trajectory("walk", [path], walk)
    assert pixels_of(ONLINE, png) > 500
    assert len(png) < 300_000


def test_lost_frames_leave_a_gap_in_the_line(walk: Trajectory) -> None:
    whole = aligned_path("online", ONLINE, walk, None)
    part = aligned_path("online", ONLINE, walk.keep(np.arange(60) < 15), None)
    assert pixels_of(ONLINE, plot_trajectory("", [part], walk)) < pixels_of(ONLINE, plot_trajectory("", [whole], walk))


def test_a_path_without_any_pose_is_an_empty_figure(walk: Trajectory) -> None:
    nowhere = walk.keep(np.zeros(60, bool))
    assert plot_trajectory("", [aligned_path("online", ONLINE, nowhere, None)], None).startswith(b"\x89PNG")


def test_a_title_is_no_formula(walk: Trajectory) -> None:
    assert plot_trajectory(r"$\nonsense$", [aligned_path("online", ONLINE, walk, None)], None).startswith(b"\x89PNG")
