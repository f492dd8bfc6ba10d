"""``slam-frontend calibrate`` as a user types it."""

import shutil
from functools import partial
from pathlib import Path

import cv2
import pytest
from command_line import Call, one_sentence, run_main

from slam_frontend.cli import calibrate
from slam_frontend.datasets import load_calibration
from slam_frontend.datasets.guess import find_or_guess_calibration
from slam_frontend.errors import SequenceError

pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
FOCAL = 262.4  # of the sample


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs the command line in an empty folder and gives back its exit code."""
    monkeypatch.chdir(tmp_path)
    return partial(run_main, "calibrate")


@pytest.mark.slow
def test_a_focal_length_that_is_a_fifth_too_long_is_put_right(call: Call, tmp_path: Path, capsys) -> None:
    text = (SAMPLE / "camera.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("262.4", f"{1.2 * FOCAL}").replace("baseline: 0.075", "fps: 12"))
    assert call(SAMPLE, "found.yaml", "--camera", "wrong.yaml", "--features", "orb") == 0
    found = load_calibration(Path("found.yaml"))
    assert found.fx == found.fy == pytest.approx(FOCAL, rel=0.02) and found.fps == 12
    assert max(map(abs, found.distortion)) < 0.02
    said = capsys.readouterr()
    assert said.out.startswith("found.yaml: focal length 2") and "rounds: " in said.out and not said.err


@pytest.mark.slow
def test_images_without_any_camera_begin_with_a_usual_one(call: Call, monkeypatch, capsys) -> None:
    monkeypatch.setattr(calibrate, "CONVERGED", 0.0)
    assert call(SAMPLE / "rgb", "--features", "orb", "--rounds", 1, "--limit", 60) == 0
    assert load_calibration(Path("camera.yaml")).fx == pytest.approx(FOCAL, rel=0.05)
    assert "the lens still changed by" in capsys.readouterr().err


def test_a_camera_file_is_never_replaced(call: Call, capsys) -> None:
    Path("camera.yaml").write_text("mine")
    assert call(SAMPLE) == 2
    assert Path("camera.yaml").read_text() == "mine"
    assert "camera.yaml: is there already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nowhere", "0", "broken.mp4", "empty"])
def test_what_is_no_recording_is_one_sentence(call: Call, name: str, capsys) -> None:
    Path("broken.mp4").write_bytes(b"no video")
    Path("empty").mkdir()
    assert call(name) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"slam-frontend: {name}: ") and "expected a" in said and said.count("\n") == 1
    assert not Path("camera.yaml").exists()


def test_a_still_camera_is_told_to_turn(call: Call, tmp_path: Path, capsys) -> None:
    (tmp_path / "still").mkdir()
    for number in range(12):
        shutil.copy(SAMPLE / "rgb" / "0.000000.jpg", tmp_path / "still" / f"{number}.jpg")
    assert call("still", "--features", "orb") == 2
    assert "move the camera sideways and turn it" in one_sentence(capsys)


def test_a_folder_that_is_not_there_is_said_before_anything_is_tracked(call: Call, capsys) -> None:
    assert call(SAMPLE, "nowhere/camera.yaml") == 2
    assert "nowhere: is no folder" in one_sentence(capsys)


def test_a_stray_picture_does_not_take_a_recordings_own_calibration_away(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "tum", ignore=shutil.ignore_patterns("*.yaml"))
    text = (SAMPLE / "camera.yaml").read_text()
    shutil.copy(SAMPLE / "rgb" / "0.000000.jpg", tmp_path / "tum" / "thumbnail.jpg")
    with pytest.raises(SequenceError, match="doesn't say its calibration"):
        find_or_guess_calibration(tmp_path / "tum")
    (tmp_path / "tum" / "camera.yaml").write_text(text.replace("depth_scale: 5000", "depth_scale: 1000"))
    found = find_or_guess_calibration(tmp_path / "tum")
    assert (found.fx, found.baseline, found.depth_scale) == (FOCAL, 0.075, 1000)


@pytest.mark.data
def test_recordings_say_their_own_calibration(data_root: Path) -> None:
    kitti = find_or_guess_calibration(data_root / "sequences/kitti/sequences/07")
    assert (kitti.fx, kitti.width, kitti.baseline) == (707.0912, 1226, None)
    freiburg = find_or_guess_calibration(data_root / "sequences/tum/rgbd_dataset_freiburg1_xyz")
    assert freiburg.fx == pytest.approx(517.3, abs=0.1) and len(freiburg.distortion) == 5


def test_a_rectified_pair_is_refused(call: Call, capsys) -> None:
    Path("euroc/mav0/cam0").mkdir(parents=True)
    assert call("euroc") == 2
    assert "give the folder of its images" in one_sentence(capsys)


@pytest.mark.parametrize("size", [(320, 240), (240, 320)])
def test_a_video_states_its_size_and_its_longer_side_the_lens(size: tuple[int, int], tmp_path: Path) -> None:
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, size)
    video.write(cv2.resize(cv2.imread(str(SAMPLE / "rgb" / "0.000000.jpg")), size))
    video.release()
    guess = find_or_guess_calibration(tmp_path / "v.avi")
    assert (guess.width, guess.height, guess.fx, guess.fy) == (*size, 256, 256)
    assert (guess.cx, guess.cy) == ((size[0] - 1) / 2, (size[1] - 1) / 2)
