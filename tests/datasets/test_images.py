"""Folders of images, video files and live cameras."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets import open_sequence
from slam_frontend.errors import SequenceError

CAMERA = "{width: 64, height: 48, fx: 50, fy: 50, cx: 31.5, cy: 23.5, distortion: [0.1, 0.01, 0, 0], fps: 10}"


@pytest.fixture
def folder(tmp_path: Path, write_image) -> Path:
    for seed in (1, 2, 10):
        write_image(tmp_path / f"shots/view{seed}.png", seed=seed)
    (tmp_path / "shots/camera.yaml").write_text(CAMERA)
    return tmp_path / "shots"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve frames of 64x48, each brighter than the last by 20."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV can't write a Motion-JPEG video")
    for row in range(12):
        writer.write(np.full((48, 64, 3), 20 * row, np.uint8))
    writer.release()
    return path


def test_images_come_in_the_order_people_count(folder: Path, write_image, tmp_path: Path) -> None:
    sequence = open_sequence(folder)
    frames = list(sequence)
    assert [frame.timestamp for frame in frames] == [0.0, 0.1, 0.2]
    for frame, seed in zip(frames, (1, 2, 10), strict=True):
        assert (frame.image == write_image(tmp_path / "again.png", seed=seed)).all()
    assert sequence.camera.distortion == (0.1, 0.01, 0, 0)


def test_images_are_a_thirtieth_of_a_second_apart_unless_the_calibration_says_otherwise(folder: Path) -> None:
    (folder / "camera.yaml").write_text(CAMERA.replace(", fps: 10", ""))
    assert [frame.timestamp for frame in open_sequence(folder)] == pytest.approx([0, 1 / 30, 2 / 30])


def test_images_without_a_calibration_are_refused_unless_one_is_given(folder: Path) -> None:
    elsewhere = folder.parent / "mine.yaml"
    (folder / "camera.yaml").rename(elsewhere)
    with pytest.raises(SequenceError, match=r"camera\.yaml: not found"):
        open_sequence(folder)
    assert len(list(open_sequence(folder, camera=elsewhere))) == 3


def test_a_calibration_of_another_size_is_refused(folder: Path) -> None:
    (folder / "camera.yaml").write_text(CAMERA.replace("64", "640"))
    with pytest.raises(SequenceError, match="images are 64x48, but the calibration is for 640x48"):
        open_sequence(folder)


def test_bad_images_in_mid_sequence_are_skipped(folder: Path, write_image) -> None:
    (folder / "view2.png").write_bytes(b"not an image")
    write_image(folder / "view11.png", size=(32, 24))
    sequence = open_sequence(folder)
    assert [frame.index for frame in sequence] == [0, 2]
    assert len(sequence.skipped) == 2


def test_a_folder_of_which_no_image_decodes_is_refused(folder: Path) -> None:
    for path in folder.glob("*.png"):
        path.write_bytes(b"not an image")
    with pytest.raises(SequenceError, match="not one image can be read"):
        open_sequence(folder)


def test_a_video_is_read_twice_alike_and_from_any_start(video: Path, calibration) -> None:
    sequence = open_sequence(video, camera=calibration)
    for _ in range(2):
        brightness = [float(frame.image.mean()) for frame in sequence]
        np.testing.assert_allclose(brightness, 20 * np.arange(12), atol=2)
    frames = list(open_sequence(video, camera=calibration, start=3, stride=4, colour=True))
    assert [frame.index for frame in frames] == [3, 7, 11]
    np.testing.assert_allclose([frame.image.mean() for frame in frames], [60, 140, 220], atol=2)
    assert frames[0].colour.shape == (48, 64, 3)


def test_a_video_keeps_its_own_time_unless_the_calibration_says_otherwise(video: Path, calibration) -> None:
    (video.parent / "camera.yaml").write_text(CAMERA.replace(", fps: 10", ""))
    assert [frame.timestamp for frame in open_sequence(video, limit=2)] == [0.0, 0.04]
    assert [frame.timestamp for frame in open_sequence(video, limit=2, camera=calibration)] == [0.0, 0.1]


def test_a_damaged_frame_of_a_video_is_skipped_and_the_rest_keeps_its_place(video: Path, calibration) -> None:
    data = bytearray(video.read_bytes())
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xd8"]
    assert len(starts) == 12
    for row in (5, 6):
        first, end = starts[row], starts[row + 1] - 8
        data[first:end] = bytes(end - first)  # behind it stand name and length of the next chunk
    video.write_bytes(data)
    sequence = open_sequence(video, camera=calibration)
    for _ in range(2):
        frames = list(sequence)
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
        np.testing.assert_allclose([f.image.mean() for f in frames], [20 * f.index for f in frames], atol=2)
        assert sequence.skipped == [f"{video}: frame {row} can't be decoded" for row in (5, 6)]


def test_a_video_that_was_cut_short_says_where(video: Path, calibration, caplog: pytest.LogCaptureFixture) -> None:
    data = video.read_bytes()
    eighth = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xd8"][7]
    video.write_bytes(data[: eighth - 8])
    sequence = open_sequence(video, camera=calibration)
    assert [frame.index for frame in sequence] == list(range(7))
    assert [record.message for record in caplog.records] == [f"{video}: ends after 7 of 12 frames"]
    assert sequence.skipped == []


def test_a_file_that_is_no_video_is_refused(tmp_path: Path, calibration) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    with pytest.raises(SequenceError, match="can't be opened as a video"):
        open_sequence(tmp_path / "broken.mp4", camera=calibration)


def test_a_camera_that_is_not_there_is_said(calibration) -> None:
    with pytest.raises(SequenceError, match="camera 97: doesn't answer"):
        open_sequence("97", camera=calibration)


def test_a_live_camera_films_on_and_cannot_be_wound_back(video: Path, calibration, monkeypatch, caplog) -> None:
    capture = cv2.VideoCapture(str(video))
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: capture)
    sequence = open_sequence("97", camera=calibration, stride=2, limit=2)
    seen = [float(frame.image.mean()) for _ in range(2) for frame in sequence]
    np.testing.assert_allclose(seen, [20 * row for row in (0, 2, 3, 5)], atol=2)
    assert len(list(open_sequence("97", camera=calibration))) == 6
    assert caplog.records == []


def test_images_and_videos_are_mono(folder: Path) -> None:
    with pytest.raises(SequenceError, match="rgbd was asked for, but this recording offers mono"):
        open_sequence(folder, sensor="rgbd")


def test_a_clock_that_is_set_back_costs_a_live_camera_nothing(video: Path, calibration, monkeypatch) -> None:
    capture, moments = cv2.VideoCapture(str(video)), iter([1e9, *[1e9 - 3600] * 50])
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: capture)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    times = [frame.timestamp for frame in open_sequence("97", camera=calibration)]
    assert len(times) == 12 and (np.diff(times) > 0).all()
    assert abs(times[0] - 1e9) < 5
