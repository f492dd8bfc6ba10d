"""KITTI odometry folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from slam_frontend.datasets import open_sequence
from slam_frontend.errors import SequenceError
from slam_frontend.types import Sensor

P_ROW = "P{camera}: 50 0 31.5 {shift} 0 50 23.5 0 0 0 1 0\n"


@pytest.fixture
def kitti(tmp_path: Path, write_image) -> Path:
    """Three pairs 0.5 m apart, grey; the colour cameras would sit 0.06 m beside them."""
    folder = tmp_path / "kitti/sequences/03"
    for camera in (0, 1):
        for row in range(3):
            write_image(folder / f"image_{camera}/{row:06d}.png", seed=row + 10 * camera)
    shifts = (0, -25, 3, -22)
    (folder / "calib.txt").write_text(
        "".join(P_ROW.format(camera=row, shift=shift) for row, shift in enumerate(shifts))
    )
    (folder / "times.txt").write_text("0.0\n1.0e-01\n2.0e-01\n")
    poses = tmp_path / "kitti/poses"
    poses.mkdir()
    (poses / "03.txt").write_text("".join(f"1 0 0 {row} 0 1 0 0 0 0 1 {2 * row}\n" for row in range(3)))
    return folder


def test_a_pair_is_read_with_its_baseline_times_and_truth(kitti: Path, write_image, tmp_path: Path) -> None:
    sequence = open_sequence(kitti)
    frames = list(sequence)
    assert (sequence.name, sequence.sensor, sequence.camera.baseline) == ("03", Sensor.STEREO, 0.5)
    assert (sequence.camera.width, sequence.camera.height, sequence.camera.cx) == (64, 48, 31.5)
    assert [frame.timestamp for frame in frames] == [0.0, 0.1, 0.2]
    assert (frames[2].image == write_image(tmp_path / "left.png", seed=2)).all()
    assert (frames[2].right == write_image(tmp_path / "right.png", seed=12)).all()
    np.testing.assert_array_equal(sequence.truth.T_world_cam[2, :3, 3], [2, 0, 4])
    np.testing.assert_array_equal(sequence.truth.timestamps, [0.0, 0.1, 0.2])


@pytest.mark.parametrize("file", ["calib.txt", "times.txt", "../poses/03.txt"])
def test_a_file_may_begin_as_windows_editors_begin_it(kitti: Path, file: str) -> None:
    path = (kitti if file[0] != "." else kitti.parent.parent) / file.removeprefix("../")
    path.write_text(path.read_text(), encoding="utf-8-sig")
    sequence = open_sequence(kitti)
    assert [frame.timestamp for frame in sequence] == [0.0, 0.1, 0.2]
    assert len(sequence.truth) == 3


def test_without_a_right_folder_it_is_mono(kitti: Path) -> None:
    shutil.rmtree(kitti / "image_1")
    sequence = open_sequence(kitti)
    assert (sequence.sensor, sequence.camera.baseline) == (Sensor.MONO, None)
    assert all(frame.right is None for frame in sequence)


def test_the_colour_pair_stands_in_for_the_grey_one_with_its_truth_moved_aside(kitti: Path) -> None:
    for grey, colour in ((0, 2), (1, 3)):
        (kitti / f"image_{grey}").rename(kitti / f"image_{colour}")
    sequence = open_sequence(kitti)
    assert sequence.camera.baseline == 0.5
    # P2 maps a point of camera 0 with x' = x + 3/50 m, so camera 2 sits at x = -0.06 m.
    np.testing.assert_allclose(sequence.truth.T_world_cam[1, :3, 3], [1 - 0.06, 0, 2])


@pytest.mark.parametrize("place", ["poses.txt", "03.txt", "poses/03.txt"])
def test_poses_may_lie_inside(kitti: Path, place: str) -> None:
    (kitti / place).parent.mkdir(exist_ok=True)
    (kitti / "../../poses/03.txt").rename(kitti / place)
    assert len(open_sequence(kitti).truth) == 3


def test_without_poses_there_is_no_truth(kitti: Path) -> None:
    (kitti / "../../poses/03.txt").unlink()
    assert open_sequence(kitti).truth is None


def test_the_files_number_is_the_index(kitti: Path) -> None:
    for camera in (0, 1):
        (kitti / f"image_{camera}/000001.png").unlink()
    assert [(frame.index, frame.timestamp) for frame in open_sequence(kitti)] == [(0, 0.0), (2, 0.2)]


def test_a_missing_right_image_costs_the_pair_only(kitti: Path) -> None:
    (kitti / "image_1/000001.png").write_bytes(b"")
    (kitti / "image_1/000002.png").unlink()
    assert [frame.right is not None for frame in open_sequence(kitti)] == [True, False, False]


def test_how_many_images_have_a_right_one_is_said_once_where_some_have_none(kitti: Path, caplog) -> None:
    list(open_sequence(kitti))
    assert caplog.records == []
    (kitti / "image_1/000002.png").unlink()
    list(open_sequence(kitti))
    said = f"{kitti}: right image of the same name for 2 of 3 images; the others are used without"
    assert [record.message for record in caplog.records] == [said]


@pytest.mark.parametrize("sensor", ["auto", "stereo"])
def test_right_images_of_other_names_are_refused_but_mono_does_without(kitti: Path, caplog, sensor: str) -> None:
    for row in range(3):
        (kitti / f"image_1/{row:06d}.png").rename(kitti / f"image_1/{row}.png")
    with pytest.raises(
        SequenceError, match=r"0 of 3 images; is image_1 of this sequence\? --sensor mono does without$"
    ):
        open_sequence(kitti, sensor=sensor)
    assert len(list(open_sequence(kitti, sensor="mono"))) == 3
    assert caplog.records == []


def test_a_frame_without_a_timestamp_is_skipped(kitti: Path) -> None:
    (kitti / "times.txt").write_text("0.0\n0.1\n")
    sequence = open_sequence(kitti)
    assert [frame.index for frame in sequence] == [0, 1]
    assert "no timestamp" in sequence.skipped[0]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("calib.txt", None, r"calib\.txt: can't be read"),
        ("times.txt", None, r"times\.txt: can't be read"),
        ("calib.txt", "P0: 1 2 3\n", "P0 is no row of 12 numbers"),
        ("calib.txt", P_ROW.format(camera=0, shift=0), "P1, P2, P3 not found"),
        ("calib.txt", "".join(f"P{row}: 0 0 31 0 0 0 23 0 0 0 1 0\n" for row in range(4)), "focal lengths 0.0"),
        ("calib.txt", "".join(f"P{row}: 9 0 63 0 0 9 47 0 0 0 1 0\n" for row in range(4)), "another size"),
        ("calib.txt", "".join(P_ROW.format(camera=row, shift=25 * row) for row in range(4)), "-0.500 m to the right"),
        ("calib.txt", "".join(P_ROW.format(camera=row, shift=0) for row in range(4)), "0.000 m to the right"),
        ("times.txt", "now\n", "expected one timestamp"),
    ],
)
def test_broken_files_are_said_in_one_sentence(kitti: Path, file: str, content: str | None, message: str) -> None:
    (kitti / file).unlink() if content is None else (kitti / file).write_text(content)
    with pytest.raises(SequenceError, match=message):
        open_sequence(kitti)


def test_one_camera_needs_no_baseline(kitti: Path) -> None:
    (kitti / "calib.txt").write_text("".join(P_ROW.format(camera=row, shift=25 * row) for row in range(4)))
    assert open_sequence(kitti, sensor="mono").camera.baseline is None


@pytest.mark.parametrize("wrong", [9.9e9, np.nan, np.inf])
def test_a_wrong_time_costs_its_frame_and_its_truth(kitti: Path, wrong: float) -> None:
    (kitti / "times.txt").write_text(f"0.0\n{wrong}\n0.2\n")
    sequence = open_sequence(kitti)
    assert [frame.index for frame in sequence] == [0, 2]
    assert "image_0/000001.png" in sequence.skipped[0] and f"{wrong} s in times.txt" in sequence.skipped[0]
    np.testing.assert_array_equal(sequence.truth.timestamps, [0.0, 0.2])
    np.testing.assert_array_equal(sequence.truth.T_world_cam[:, 0, 3], [0, 2])


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([0, 1, 70, 71, 4, 5, 6, 7], [0, 1, 4, 5, 6, 7]),
        ([70, 71, 2, 3, 4, 5], [2, 3, 4, 5]),
        ([0, 1, 2, 3, 4, 1.1, 1.2, 7], [0, 1, 2, 3, 4, 7]),
        ([0, 1, 2, 9, 8, 5, 6], [0, 1, 2, 5, 6]),
        ([0, 1, 1, 3], [0, 1, 3]),
    ],
)
def test_wrong_times_in_a_row_cost_their_frames_only(kitti: Path, write_image, times, kept) -> None:
    for row in range(3, len(times)):
        write_image(kitti / f"image_0/{row:06d}.png", seed=row)
    (kitti / "times.txt").write_text("".join(f"{time}\n" for time in times))
    sequence = open_sequence(kitti)
    played = [frame.timestamp for frame in sequence]
    assert played == [times[row] for row in kept]
    assert len(sequence.skipped) == len(times) - len(kept)


def test_an_empty_image_folder_is_said(kitti: Path) -> None:
    shutil.rmtree(kitti / "image_0")
    (kitti / "image_0").mkdir()
    with pytest.raises(SequenceError, match="no images in image_0"):
        open_sequence(kitti)


def test_a_given_camera_wins_but_must_have_a_baseline_for_stereo(kitti: Path, calibration) -> None:
    with pytest.raises(SequenceError, match="no baseline"):
        open_sequence(kitti, camera=calibration)
    given = calibration.model_copy(update={"baseline": 0.4})
    assert open_sequence(kitti, camera=given).camera.baseline == 0.4
    assert open_sequence(kitti, sensor="mono", camera=calibration).camera.fx == 50


@pytest.mark.data
def test_the_real_clips_are_read(data_root: Path) -> None:
    stereo, mono = (open_sequence(data_root / "sequences/kitti/sequences" / name, stride=4) for name in ("00", "07"))
    assert (stereo.sensor, mono.sensor) == (Sensor.STEREO, Sensor.MONO)
    assert stereo.camera.baseline == pytest.approx(0.5372, abs=1e-4)
    assert sum(frame.right is not None for frame in stereo) == 20
    assert len(stereo.truth) == 80
    assert len(list(mono)) == 15
