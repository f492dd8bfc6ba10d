"""``slam-frontend calibrate`` as a user types it."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from slam_frontend.cli import calibrate
from slam_frontend.cli.main import main
from slam_frontend.datasets import load_calibration

pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
FOCAL = 262.4  # of the sample

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs the command line in an empty folder and gives back its exit code."""
    monkeypatch.chdir(tmp_path)

    def call_main(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["slam-frontend", "calibrate", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call_main


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
    assert "no points that two of them see" in capsys.readouterr().err


def test_a_video_states_its_size(call: Call, tmp_path: Path) -> None:
    from slam_frontend.datasets.guess import find_or_guess_calibration

    video = cv2.VideoWriter("v.avi", cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    video.write(cv2.imread(str(SAMPLE / "rgb" / "0.000000.jpg")))
    video.release()
    guess = find_or_guess_calibration(tmp_path / "v.avi")
    assert guess is not None and (guess.width, guess.height, guess.fx, guess.cx) == (320, 240, 256, 159.5)
    assert find_or_guess_calibration(SAMPLE) is None
