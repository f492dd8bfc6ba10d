"""Trajectory files: what is written is read again, and a bad file is named with its line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import write_euroc
from synthetic import curved_path

from slam_frontend.errors import OutputError, SequenceError
from slam_frontend.trajectory import (
    Trajectory,
    associate,
    read_kitti,
    read_trajectory,
    read_tum,
    write_kitti,
    write_tum,
)

WRITERS = {"tum": write_tum, "kitti": write_kitti, "euroc": write_euroc}


@pytest.fixture
def walk() -> Trajectory:
    return Trajectory(1305031102.175304 + np.arange(40) / 30, curved_path(40))


@pytest.fixture
def walk_with_gap(walk: Trajectory) -> Trajectory:
    return walk.keep((np.arange(40) < 10) | (np.arange(40) >= 15))


def test_files_may_be_named_by_plain_strings(walk: Trajectory, tmp_path: Path) -> None:
    tum, kitti, times = (str(tmp_path / name) for name in ("tum.txt", "kitti.txt", "times.txt"))
    write_tum(walk, tum)
    write_kitti(walk, kitti)
    Path(times).write_text("".join(f"{time}\n" for time in walk.timestamps))
    for again in (read_trajectory(tum), read_trajectory(kitti, times), read_tum(tum), read_kitti(kitti, times)):
        np.testing.assert_allclose(again.T_world_cam, walk.T_world_cam, atol=1e-6)


@pytest.mark.parametrize("format", WRITERS)
def test_what_is_written_is_read_again_whatever_the_format(walk: Trajectory, tmp_path: Path, format: str) -> None:
    path = tmp_path / "trajectory.txt"
    WRITERS[format](walk, path)
    again = read_trajectory(path)
    np.testing.assert_allclose(again.T_world_cam, walk.T_world_cam, atol=1e-8)
    expected = np.arange(40) if format == "kitti" else walk.timestamps
    np.testing.assert_allclose(again.timestamps, expected, atol=1e-6, rtol=0)
    assert again.has_clock == (format != "kitti")


def test_euroc_poses_outside_a_recording_stay_as_they_are_and_that_is_said(
    walk: Trajectory, tmp_path: Path, caplog
) -> None:
    (tmp_path / "mav0").mkdir()
    write_euroc(walk, tmp_path / "mav0/data.csv")
    for is_truth in (False, True):  # an estimate is the camera's anyway
        again = read_trajectory(tmp_path / "mav0/data.csv", is_truth=is_truth)
        np.testing.assert_allclose(again.T_world_cam, walk.T_world_cam, atol=1e-8)
    (said,) = [record.message for record in caplog.records]
    assert "taken for the camera's" in said
    assert f"there is no {tmp_path}/cam0/sensor.yaml" in said


def test_lost_poses_are_not_written(walk: Trajectory, walk_with_gap: Trajectory, tmp_path: Path) -> None:
    write_tum(walk_with_gap, tmp_path / "trajectory.txt")
    again = read_tum(tmp_path / "trajectory.txt")
    assert len(again) == 35
    assert again.located.all()
    write_tum(walk.keep(np.zeros(40, bool)), tmp_path / "trajectory.txt")
    assert (tmp_path / "trajectory.txt").read_text() == ""


def test_kitti_keeps_a_line_for_a_lost_frame_that_nobody_takes_for_a_pose(
    walk_with_gap: Trajectory, tmp_path: Path
) -> None:
    write_kitti(walk_with_gap, tmp_path / "trajectory.txt")
    assert len((tmp_path / "trajectory.txt").read_text().splitlines()) == 40
    assert np.isnan(np.loadtxt(tmp_path / "trajectory.txt")[10:15]).all()
    again = read_kitti(tmp_path / "trajectory.txt")
    assert again.located.tolist() == walk_with_gap.located.tolist()


def test_kitti_takes_its_timestamps_from_the_file_of_times(walk: Trajectory, tmp_path: Path) -> None:
    write_kitti(walk, tmp_path / "poses.txt")
    (tmp_path / "times.txt").write_text("".join(f"{i / 10:e}\n" for i in range(50)))
    timed = read_kitti(tmp_path / "poses.txt", tmp_path / "times.txt")
    assert timed.has_clock
    np.testing.assert_allclose(timed.timestamps, np.arange(40) / 10)
    (tmp_path / "times.txt").write_text("0\n1\n")
    with pytest.raises(SequenceError, match=r"40 poses, but .* 2 timestamps"):
        read_kitti(tmp_path / "poses.txt", tmp_path / "times.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "TUM"),
        ("# only a comment\n", "TUM"),
        ("1 2 3\n", "TUM"),
        ("1 0 0 0 0 0 0 1\n2 0 0 0 0 0 0\n", "line 2: expected timestamp .* found 7 columns"),
        ("1 0 0 0 0 0 0 one\n", "line 1"),
        ("1 0 0 0 0 0 0 0\n", "pose 0 has no unit quaternion"),
        ("1 0 0 nan 0 0 0 1\n", "not finite"),
        ("nan 0 0 0 0 0 0 1\n", "timestamp that is not a number"),
        ("1 0 0 0 0 1 0 0 0 0 1\n", "TUM"),
        ("2 0 0 0 0 1 0 0 0 0 1 0\n", "pose 0 is not a rotation"),
    ],
)
def test_a_bad_file_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(SequenceError, match=message) as caught:
        read_trajectory(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("format", WRITERS)
def test_a_file_may_begin_as_windows_editors_begin_it(walk: Trajectory, tmp_path: Path, format: str) -> None:
    path = tmp_path / "trajectory.txt"
    WRITERS[format](walk, path)
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert len(read_trajectory(path)) == 40


def test_a_missing_or_binary_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="can't be read"):
        read_trajectory(tmp_path / "nothing.txt")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(SequenceError, match="not text"):
        read_trajectory(tmp_path / "image.png")


def test_timestamps_out_of_order_are_sorted_and_doubles_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "truth.txt"
    path.write_text("".join(f"{t} {t} 0 0 0 0 0 1\n" for t in (3, 1, 2, 2)))
    trajectory = read_tum(path)
    assert trajectory.timestamps.tolist() == [1, 2, 3]
    assert trajectory.T_world_cam[:, 0, 3].tolist() == [1, 2, 3]
    assert "out of order or doubled" in caplog.text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(walk: Trajectory, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't be written"):
        write_tum(walk, Path("/dev/null/trajectory.txt"))
    (tmp_path / "trajectory.txt").mkdir()
    with pytest.raises(OutputError):
        write_tum(walk, tmp_path / "trajectory.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["trajectory.txt"]


def test_a_truth_during_a_run_ends_a_little_after_it() -> None:
    truth = Trajectory(np.arange(100) / 100, curved_path(100))
    assert truth.during(np.array([0.203, 0.3, 0.497])).timestamps.tolist() == truth.timestamps[16:55].tolist()


def test_association_finds_the_nearest_and_only_within_the_limit() -> None:
    pairs = associate(np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.01, 0.97, 1.01, 2.5]))
    assert pairs.tolist() == [[0, 0], [1, 2]]


def test_association_of_nothing_is_nothing() -> None:
    assert associate(np.empty(0), np.arange(3.0)).shape == (0, 2)
    assert associate(np.arange(3.0), np.empty(0)).shape == (0, 2)
    assert associate(np.array([0.5]), np.array([0.505])).tolist() == [[0, 0]]


times = st.lists(st.floats(0, 3, allow_nan=False), min_size=0, max_size=30, unique=True).map(sorted)


@settings(max_examples=100, deadline=None)
@given(times, times)
def test_association_is_one_to_one_and_nearest(times0: list[float], times1: list[float]) -> None:
    timestamps0, timestamps1 = np.array(times0), np.array(times1)
    pairs = associate(timestamps0, timestamps1, 0.1)
    assert len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) == len(pairs)
    for row0, row1 in pairs:
        gap = abs(timestamps1[row1] - timestamps0[row0])
        assert gap <= 0.1
        assert gap == np.abs(timestamps1 - timestamps0[row0]).min()
