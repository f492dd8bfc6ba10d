"""TUM RGB-D folders."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets import open_sequence
from slam_frontend.errors import SequenceError
from slam_frontend.types import Sensor


def make_folder(folder: Path, write_image, times: list[str], depth_times: list[str]) -> Path:
    for kind, stamps in (("rgb", times), ("depth", depth_times)):
        folder.mkdir(exist_ok=True)
        (folder / f"{kind}.txt").write_text("# comment\n" + "".join(f"{t} {kind}/{t}.png\n" for t in stamps))
        for seed, stamp in enumerate(stamps):
            write_image(folder / kind / f"{stamp}.png", seed=seed)
    for row, stamp in enumerate(depth_times, start=1):
        cv2.imwrite(str(folder / "depth" / f"{stamp}.png"), np.full((48, 64), 5000 * row, np.uint16))
    return folder


def depths_of(folder: Path, calibration) -> list[float | None]:
    """The depth of each frame in metres: the row of its depth image, from 1."""
    return [None if f.depth is None else float(f.depth[0, 0]) for f in open_sequence(folder, camera=calibration)]


def test_what_was_written_is_read_again(tum_folder: Path, rgbd) -> None:
    sequence = open_sequence(tum_folder)
    frames = list(sequence)
    assert (sequence.name, sequence.sensor, sequence.camera) == ("walk", Sensor.RGBD, rgbd.camera)
    assert [frame.index for frame in frames] == list(range(6))
    for frame, truth in zip(frames, rgbd, strict=True):
        assert frame.timestamp == pytest.approx(truth.timestamp, abs=1e-6)
        assert frame.image.dtype == np.uint8
        assert np.median(np.abs(frame.image.astype(int) - truth.image)) <= 3  # it was a JPEG
        np.testing.assert_allclose(frame.depth, truth.depth, atol=1.01e-4)
    np.testing.assert_allclose(sequence.truth.T_world_cam, rgbd.truth.T_world_cam, atol=1e-6)


def test_colour_is_red_green_blue_when_asked_for_and_the_grey_stays_the_same(tum_folder: Path, rgbd) -> None:
    plain, coloured = next(iter(open_sequence(tum_folder))), next(iter(open_sequence(tum_folder, colour=True)))
    assert plain.colour is None
    assert (plain.image == coloured.image).all()
    reds = [np.corrcoef(coloured.colour[..., c].ravel(), rgbd[0].colour[..., 0].ravel())[0, 1] for c in range(3)]
    assert np.argmax(reds) == 0


@pytest.mark.parametrize(
    ("name", "fx", "num_coefficients"),
    [("rgbd_dataset_freiburg1_desk", 517.306408, 5), ("fr2_xyz", 520.908620, 5), ("fr3_office", 535.4, 0)],
)
def test_the_factory_calibration_is_told_from_the_name(tmp_path: Path, write_image, name, fx, num_coefficients) -> None:
    folder = make_folder(tmp_path / name, write_image, ["1.0"], ["1.0"])
    write_image(folder / "rgb/1.0.png", size=(640, 480))
    camera = open_sequence(folder).camera
    assert (camera.fx, len(camera.distortion), camera.baseline) == (fx, num_coefficients, 0.075)


def test_a_link_is_named_after_what_it_leads_to(tmp_path: Path, write_image) -> None:
    folder = make_folder(tmp_path / "freiburg2_desk", write_image, ["1.0"], ["1.0"])
    write_image(folder / "rgb/1.0.png", size=(640, 480))
    (tmp_path / "desk").symlink_to(folder)
    assert open_sequence(tmp_path / "desk").camera.fx == 520.908620


def test_camera_yaml_wins_over_the_name_and_a_given_camera_over_both(tmp_path: Path, write_image, calibration) -> None:
    folder = make_folder(tmp_path / "fr1_xyz", write_image, ["1.0"], ["1.0"])
    (folder / "camera.yaml").write_text("{width: 64, height: 48, fx: 70, fy: 70, cx: 32, cy: 24}")
    assert open_sequence(folder).camera.fx == 70
    assert open_sequence(folder, camera=calibration).camera.fx == 50


def test_without_any_calibration_the_user_is_told_what_to_write(tmp_path: Path, write_image) -> None:
    folder = make_folder(tmp_path / "mine", write_image, ["1.0"], ["1.0"])
    with pytest.raises(SequenceError, match=r"camera\.yaml: not found.*width, height, fx"):
        open_sequence(folder)


def test_a_calibration_of_another_size_is_refused(tmp_path: Path, write_image) -> None:
    folder = make_folder(tmp_path / "fr1_xyz", write_image, ["1.0"], ["1.0"])
    with pytest.raises(SequenceError, match="images are 64x48, but the calibration is for 640x480"):
        open_sequence(folder)


def test_depth_is_the_nearest_in_time_one_to_one(tmp_path: Path, write_image, calibration) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.033", "1.066"], ["1.001", "1.047", "1.064"])
    assert depths_of(folder, calibration) == [1, 2, 3]


def test_an_image_that_loses_its_nearest_depth_gets_the_next_one(tmp_path: Path, write_image, calibration) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.010"], ["0.985", "1.006"])
    assert depths_of(folder, calibration) == [1, 2]


def test_an_image_without_depth_within_20_ms_is_kept_without(tmp_path: Path, write_image, calibration) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.100", "1.200"], ["1.000", "1.121", "1.219"])
    assert depths_of(folder, calibration) == [1, None, 3]


@pytest.mark.parametrize(
    ("depth_times", "end"),
    [
        (["1.000", "1.021", "1.121"], "depth within 20 ms for 1 of 3 images; are rgb.txt and depth.txt on one clock?"),
        (["1.000", "1.100"], "depth within 20 ms for 2 of 3 images; the others are used without"),
        (["1.000", "1.100", "1.200"], None),
    ],
)
def test_how_many_images_have_depth_is_said_once_where_some_have_none(
    tmp_path: Path, write_image, calibration, caplog, depth_times: list[str], end: str | None
) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.100", "1.200"], depth_times)
    assert len(list(open_sequence(folder, camera=calibration))) == 3
    assert [record.message for record in caplog.records] == ([f"{folder}: {end}"] if end else [])


@pytest.mark.parametrize("sensor", ["auto", "rgbd"])
def test_depth_on_another_clock_is_refused_but_mono_does_without(
    tmp_path: Path, write_image, calibration, caplog, sensor: str
) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.100"], ["9.000", "9.100"])
    with pytest.raises(SequenceError, match=r"20 ms for 0 of 2 images; .* one clock\? --sensor mono does without$"):
        open_sequence(folder, camera=calibration, sensor=sensor)
    assert len(list(open_sequence(folder, camera=calibration, sensor="mono"))) == 2
    assert caplog.records == []


def test_depth_lists_need_no_order(tmp_path: Path, write_image, calibration) -> None:
    folder = make_folder(tmp_path / "s", write_image, ["1.000", "1.100", "1.200"], ["1.200", "1.000", "1.100"])
    assert depths_of(folder, calibration) == [2, 3, 1]


def test_a_list_of_images_out_of_order_is_sorted_and_said_once(tum_folder: Path, caplog) -> None:
    lines = (tum_folder / "rgb.txt").read_text().splitlines()
    (tum_folder / "rgb.txt").write_text("\n".join([lines[5], *lines[1:5], lines[6]]))
    sequence = open_sequence(tum_folder)
    frames = list(sequence)
    assert [round(30 * frame.timestamp) for frame in frames] == list(range(6))
    assert all(frame.depth is not None for frame in frames)
    assert [record.message for record in caplog.records] == [f"{tum_folder}/rgb.txt: timestamps out of order; sorted"]
    assert sequence.skipped == []


@pytest.mark.parametrize("kind", ["rgb", "depth"])
def test_a_timestamp_that_is_no_number_costs_that_image_only(tum_folder: Path, caplog, kind: str) -> None:
    path = tum_folder / f"{kind}.txt"
    path.write_text(path.read_text().replace("\n0.066667 ", "\nnan "))
    sequence = open_sequence(tum_folder)
    frames = list(sequence)
    assert [frame.depth is not None for frame in frames] == (
        [True] * 5 if kind == "rgb" else [True] * 2 + [False] + [True] * 3
    )
    said = [f"{path}: left out 1 of 6 lines, whose timestamp is no number"]
    if kind == "depth":
        said += [f"{tum_folder}: depth within 20 ms for 5 of 6 images; the others are used without"]
    assert [record.message for record in caplog.records] == said


def test_names_may_have_spaces_and_the_list_a_byte_order_mark(tum_folder: Path) -> None:
    (tum_folder / "rgb").rename(tum_folder / "my images")
    content = (tum_folder / "rgb.txt").read_text().replace("# timestamp filename\n", "").replace("rgb/", "my images/")
    (tum_folder / "rgb.txt").write_text(content, encoding="utf-8-sig")
    assert len(list(open_sequence(tum_folder))) == 6


def test_a_depth_image_that_will_not_decode_costs_the_depth_only(tum_folder: Path) -> None:
    (tum_folder / "depth/0.033333.png").write_bytes(b"\x89PNG no more")
    (tum_folder / "depth/0.066667.png").unlink()
    sequence = open_sequence(tum_folder)
    assert [frame.depth is not None for frame in sequence] == [True, False, False, True, True, True]
    assert sequence.skipped == []


def test_an_image_that_will_not_decode_is_skipped_and_said(tum_folder: Path) -> None:
    path = tum_folder / "rgb/0.066667.jpg"
    path.write_bytes(path.read_bytes()[:3000])
    sequence = open_sequence(tum_folder)
    assert [frame.index for frame in sequence] == [0, 1, 3, 4, 5]
    assert len(sequence.skipped) == 1
    assert "0.066667.jpg" in sequence.skipped[0]


def test_value_zero_is_unknown_depth(tum_folder: Path) -> None:
    values = np.full((120, 160), 7500, np.uint16)
    values[:10] = 0
    cv2.imwrite(str(tum_folder / "depth/0.000000.png"), values)
    depth = next(iter(open_sequence(tum_folder))).depth
    assert np.isnan(depth[:10]).all()
    assert (depth[10:] == 1.5).all()


def test_an_rgbd_recording_can_be_read_as_mono_but_not_as_stereo(tum_folder: Path) -> None:
    sequence = open_sequence(tum_folder, sensor="mono")
    assert sequence.sensor == Sensor.MONO
    assert all(frame.depth is None for frame in sequence)
    with pytest.raises(SequenceError, match="stereo was asked for, but this recording offers mono and rgbd"):
        open_sequence(tum_folder, sensor="stereo")


def test_without_depth_or_truth_it_is_a_mono_recording_of_unknown_path(tum_folder: Path) -> None:
    shutil.rmtree(tum_folder / "depth")
    (tum_folder / "depth.txt").unlink()
    (tum_folder / "groundtruth.txt").unlink()
    sequence = open_sequence(tum_folder)
    assert (sequence.sensor, sequence.truth) == (Sensor.MONO, None)
    assert len(list(sequence)) == 6


@pytest.mark.parametrize("line", ["0.5", "soon rgb/a.jpg"])
def test_a_list_with_a_broken_line_is_refused_by_its_number(tum_folder: Path, line: str) -> None:
    with (tum_folder / "rgb.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SequenceError, match=r"rgb\.txt, line 8: expected 'timestamp filename'"):
        open_sequence(tum_folder)


@pytest.mark.parametrize("content", ["# timestamp tx\n", "hello\n"])
def test_a_broken_truth_is_refused_with_the_word_that_there_need_be_none(tum_folder: Path, content: str) -> None:
    (tum_folder / "groundtruth.txt").write_text(content)
    with pytest.raises(SequenceError, match=r"groundtruth\.txt.*; remove or rename this file to go without a truth$"):
        open_sequence(tum_folder)


def test_an_empty_list_is_refused(tum_folder: Path) -> None:
    (tum_folder / "rgb.txt").write_text("# timestamp filename\n")
    with pytest.raises(SequenceError, match="lists no images"):
        open_sequence(tum_folder)


@pytest.mark.data
def test_the_real_clip_is_read(data_root: Path) -> None:
    sequence = open_sequence(data_root / "sequences/tum/rgbd_dataset_freiburg1_xyz", stride=3)
    frames = list(sequence)
    assert len(frames) == 84
    assert sum(frame.depth is not None for frame in frames) > 80  # a few have none within 20 ms that isn't taken
    assert 0.4 < np.nanmedian(frames[0].depth) < 4
    assert sequence.truth.timestamps[0] < frames[0].timestamp < frames[-1].timestamp < sequence.truth.timestamps[-1]
