"""What a run leaves behind, also when the disk is full or matplotlib is missing."""

import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from headless import open3d_or_skip
from synthetic import SyntheticWorld

from slam_frontend.config import RunConfig, load_config
from slam_frontend.errors import OutputError, SequenceError
from slam_frontend.frame_table import read_frames
from slam_frontend.pipeline import RunResult
from slam_frontend.ply import PointCloud, read_ply, write_ply
from slam_frontend.results import prepare_folder, without_gaps, write_run
from slam_frontend.run_folder import read_run
from slam_frontend.summary import summarise
from slam_frontend.trajectory import Trajectory, read_kitti, read_tum
from slam_frontend.types import Sensor

PICTURES = {7: np.zeros((24, 32, 3), np.uint8)}
FILES = [
    "config.yaml",
    "frames",
    "frames.csv",
    "map.ply",
    "metrics.json",
    "trajectory.png",
    "trajectory.txt",
    "trajectory_kitti.txt",
    "trajectory_online.txt",
    "truth.txt",
]

Write = Callable[[RunResult], None]


@pytest.fixture
def write(world: SyntheticWorld, tmp_path: Path) -> Write:
    """Writes a run of the synthetic world into ``tmp_path``."""

    def write_result(result: RunResult) -> None:
        summary = summarise(result, Sensor.RGBD, world.truth)
        write_run(tmp_path, result, summary, RunConfig(), world.truth, PICTURES)

    return write_result


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk on which no file can grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_run_leaves_all_its_files(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    write(rgbd_run)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["000007.png"]
    online, final = read_tum(tmp_path / "trajectory_online.txt"), read_tum(tmp_path / "trajectory.txt")
    np.testing.assert_allclose(online.T_world_cam, rgbd_run.online.T_world_cam, atol=1e-8)
    np.testing.assert_allclose(final.T_world_cam, rgbd_run.final.T_world_cam, atol=1e-8)
    assert load_config(RunConfig, tmp_path / "config.yaml") == RunConfig()
    assert (tmp_path / "trajectory.png").read_bytes().startswith(b"\x89PNG")


def test_the_metrics_are_those_of_the_run(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    write(rgbd_run)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["frames"] == metrics["located"] == len(rgbd_run.indices)
    assert metrics["online"]["ate"]["rmse"] < 0.02
    assert metrics["online"]["alignment"] == "se3"
    assert set(metrics["milliseconds"]) >= {"extract", "depth", "track", "map", "all"}


def test_a_run_that_located_nothing_is_written_too(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    nowhere = np.zeros(len(rgbd_run.indices), bool)
    lost = replace(rgbd_run, online=rgbd_run.online.keep(nowhere), final=rgbd_run.final.keep(nowhere))
    write(lost)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["located"] == 0
    assert metrics["initialised_at"] is None
    assert "no poses" in metrics["without_metrics"]
    assert (tmp_path / "trajectory.txt").read_text() == ""


def test_a_full_disk_is_one_sentence_and_what_fits_stays(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    many = replace(rgbd_run, points=np.zeros((40_000, 3)))
    with largest_file(200_000), pytest.raises(OutputError, match=r"map\.ply: can't be written .*File too large"):
        write(many)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [name for name in FILES if name != "map.ply"]


def test_without_matplotlib_everything_but_the_figure_is_written(
    write: Write,
    rgbd_run: RunResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write(rgbd_run)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name in FILES if name != "trajectory.png"]
    assert 'pip install "slam-frontend[viewer]"' in caplog.text


def test_pictures_of_an_earlier_run_do_not_stay_among_the_new_ones(
    write: Write, rgbd_run: RunResult, tmp_path: Path
) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000099.png").write_bytes(b"old")
    (tmp_path / "frames" / "mine.png").write_bytes(b"not ours")
    write(rgbd_run)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["000007.png", "mine.png"]


def test_what_an_earlier_run_left_and_nobody_can_remove_costs_no_other_file(
    write: Write, rgbd_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000099.png").write_bytes(b"old")
    remove = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "000099.png":
            raise PermissionError(13, "Permission denied")
        remove(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(
        OutputError, match=r"000099\.png: is of an earlier run and can't be removed \(Permission denied"
    ):
        write(rgbd_run)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "frames"}


def test_one_camera_alone_is_judged_by_its_longest_map_up_to_scale(world: SyntheticWorld, rgbd_run: RunResult) -> None:
    moved = rgbd_run.online.T_world_cam.copy()
    moved[:20, :3, 3] += 100  # a first map somewhere else
    moved[:, :3, 3] *= 0.2
    result = replace(
        rgbd_run,
        segments=np.repeat([0, 1], [20, 40]),
        online=Trajectory(world.timestamps, moved),
        final=Trajectory(world.timestamps, moved),
    )
    summary = summarise(result, Sensor.MONO, world.truth)
    assert summary.located_by_segment == (20, 40)
    assert summary.online is not None
    assert summary.online.associated == 40
    assert summary.online.scale == pytest.approx(5, rel=0.05)
    assert summary.online.ate.rmse < 0.02


def test_the_kitti_file_has_a_line_for_skipped_frames_too(rgbd_run: RunResult) -> None:
    path = rgbd_run.final.select(np.arange(4))
    whole = without_gaps(path, np.array([10, 12, 18, 20]))
    assert whole.located.tolist() == [True, True, False, False, True, True]
    np.testing.assert_array_equal(whole.T_world_cam[4], path.T_world_cam[2])


def test_a_kitti_file_of_a_run_has_no_gap(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    kept = np.arange(len(rgbd_run.indices)) != 30
    columns = [name for name, value in vars(rgbd_run).items() if isinstance(value, np.ndarray) and name != "points"]
    arrays = {name: getattr(rgbd_run, name)[kept] for name in columns}
    thinned = {name: getattr(rgbd_run, name).select(kept) for name in ("online", "final")}
    milliseconds = {stage: values[kept] for stage, values in rgbd_run.milliseconds.items()}
    write(replace(rgbd_run, **arrays, **thinned, milliseconds=milliseconds))
    written = read_kitti(tmp_path / "trajectory_kitti.txt")
    assert len(written) == len(rgbd_run.indices)
    assert np.flatnonzero(~written.located).tolist() == [30]


@pytest.mark.parametrize(
    ("indices", "asked", "expected"),
    [
        ([1, 2, 3, 4], range(6), [np.nan, 1, 2, 3, 4, np.nan]),  # the first and the last are damaged
        ([10, 14, 18], range(10, 20, 2), [10, np.nan, 14, np.nan, 18]),  # every other one was dropped
        ([7], range(6, 8), [np.nan, 7]),
        ([10, 14, 18, 20], range(0), [10, np.nan, 14, np.nan, 18, 20]),  # nobody knows
        ([20, 21, 23], range(3), [20, 21, np.nan, 23]),  # the files of a part of a recording, one of which is missing
        ([], range(3), []),  # interrupted before the first
        ([10**12, 10**12 + 33333, 10**12 + 66667], range(3), [10**12, 10**12 + 33333, 10**12 + 66667]),  # microseconds
    ],
)
def test_a_kitti_file_has_a_row_for_each_frame_that_was_asked_for(
    indices: list[int], asked: range, expected: list[float]
) -> None:
    T_world_cam = np.tile(np.eye(4), (len(indices), 1, 1))
    T_world_cam[:, 0, 3] = indices
    indices_of = np.array(indices, np.int64)
    written = without_gaps(Trajectory(indices_of / 10, T_world_cam), indices_of, asked)
    np.testing.assert_array_equal(written.T_world_cam[:, 0, 3], expected)


def test_one_file_that_cannot_be_made_costs_no_other(write: Write, rgbd_run: RunResult, tmp_path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise IndexError("out of bounds")

    monkeypatch.setattr("slam_frontend.results.write_kitti", fail)
    with pytest.raises(OutputError, match=r"trajectory_kitti\.txt: can't be written \(IndexError: out of bounds\)"):
        write(rgbd_run)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name in FILES if "kitti" not in name]


def test_each_map_has_a_file_of_its_own(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    count = len(rgbd_run.indices)
    write(replace(rgbd_run, segments=(np.arange(count) >= count - 5).astype(int)))
    for name in ("trajectory.txt", "trajectory_online.txt"):
        np.testing.assert_allclose(read_tum(tmp_path / name).timestamps, rgbd_run.online.timestamps[:-5], atol=1e-6)
    assert np.isnan(read_kitti(tmp_path / "trajectory_kitti.txt").T_world_cam[-5:]).all()
    assert len(read_tum(tmp_path / "trajectory_segment_2.txt")) == 5
    write(rgbd_run)
    assert not (tmp_path / "trajectory_segment_2.txt").exists()


def test_the_table_of_frames_and_the_truth_read_back(
    write: Write, rgbd_run: RunResult, world: SyntheticWorld, tmp_path: Path
) -> None:
    write(rgbd_run)
    table = read_frames(tmp_path / "frames.csv")
    np.testing.assert_array_equal(table.num_inliers, rgbd_run.num_inliers)
    np.testing.assert_array_equal(table.num_expected, rgbd_run.num_expected)
    np.testing.assert_array_equal(table.is_keyframe, rgbd_run.is_keyframe)
    np.testing.assert_allclose(table.milliseconds["track"], rgbd_run.milliseconds["track"], atol=5e-4)
    assert table.is_tracked.all()
    truth = read_tum(tmp_path / "truth.txt")
    np.testing.assert_allclose(truth.T_world_cam, world.truth.T_world_cam, atol=1e-8)


def test_a_lost_frame_is_lost_in_the_table(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    rows = np.arange(len(rgbd_run.indices))
    states = replace(rgbd_run, online=rgbd_run.online.keep(rows >= 3), is_lost=rows == 2).frame_table.states
    assert states[:4].tolist() == ["initializing", "initializing", "lost", "tracking"]


def test_a_table_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("index,timestamp\n0,0.0\n")
    with pytest.raises(SequenceError, match=r"frames\.csv: is no table of a run's frames"):
        read_frames(tmp_path / "frames.csv")


def test_a_truth_of_another_time_is_not_kept(
    write: Write, rgbd_run: RunResult, world: SyntheticWorld, tmp_path: Path
) -> None:
    write(rgbd_run)
    later = replace(world.truth, timestamps=world.truth.timestamps + 5000)
    write_run(tmp_path, rgbd_run, summarise(rgbd_run, Sensor.RGBD, later), RunConfig(), later, PICTURES)
    assert not (tmp_path / "truth.txt").exists()
    (tmp_path / "truth.txt").write_text("")  # as older versions left it
    assert read_run(str(tmp_path)).truth is None


def test_the_truth_of_an_earlier_run_does_not_stay(write: Write, rgbd_run: RunResult, tmp_path: Path) -> None:
    write(rgbd_run)
    write_run(tmp_path, rgbd_run, summarise(rgbd_run, Sensor.RGBD, None), RunConfig())
    assert not (tmp_path / "truth.txt").exists()


def test_a_folder_that_cannot_be_written_is_found_out_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="choose another folder"):
        prepare_folder(tmp_path / "file" / "run")
    assert list(prepare_folder(tmp_path / "new" / "run").iterdir()) == []


def test_a_point_cloud_reads_back(tmp_path: Path) -> None:
    points = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 0.0], [-4.5, 0.25, 1e6]])
    write_ply(PointCloud(points), tmp_path / "map.ply")
    header, body = (tmp_path / "map.ply").read_bytes().split(b"end_header\n")
    assert b"element vertex 2" in header
    np.testing.assert_array_equal(np.frombuffer(body, "<f4").reshape(-1, 3), points[[0, 2]])


def test_open3d_reads_the_point_cloud(tmp_path: Path) -> None:
    open3d = open3d_or_skip()
    rng = np.random.default_rng(0)
    points, colours = rng.normal(size=(50, 3)), rng.integers(0, 256, (50, 3), np.uint8)
    write_ply(PointCloud(points, colours, np.arange(50)), tmp_path / "map.ply")
    cloud = open3d.io.read_point_cloud(str(tmp_path / "map.ply"))
    np.testing.assert_allclose(np.asarray(cloud.points), points, atol=1e-6)
    np.testing.assert_allclose(np.asarray(cloud.colors) * 255, colours, atol=1e-6)


def test_colours_and_maps_of_the_landmarks_read_back(tmp_path: Path) -> None:
    points = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 0.0], [-4.5, 0.25, 1e6]])
    colours, segments = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 255]], np.uint8), np.array([0, 0, 3])
    write_ply(PointCloud(points, colours, segments), tmp_path / "map.ply")
    cloud = read_ply(tmp_path / "map.ply")
    np.testing.assert_array_equal(cloud.positions, points[[0, 2]])
    assert cloud.colours is not None and cloud.colours.tolist() == [[1, 2, 3], [7, 8, 255]]
    assert cloud.segments is not None and cloud.segments.tolist() == [0, 3]


def test_a_map_without_colours_reads_back(tmp_path: Path) -> None:
    write_ply(PointCloud(np.eye(3)), tmp_path / "map.ply")
    cloud = read_ply(tmp_path / "map.ply")
    np.testing.assert_array_equal(cloud.positions, np.eye(3))
    assert cloud.colours is None and cloud.segments is None


@pytest.mark.parametrize("content", [b"", b"no map", b"ply\nelement vertex 9\nproperty float x\nend_header\n123"])
def test_a_damaged_map_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "map.ply").write_bytes(content)
    with pytest.raises(SequenceError, match=r"map\.ply: is no map of a run"):
        read_ply(tmp_path / "map.ply")
