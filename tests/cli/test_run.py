"""``slam-frontend run`` as a user types it: results, exit codes, one sentence for every mistake."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from command_line import Call, one_sentence, run_main

from slam_frontend.cli.tables import print_run
from slam_frontend.errors import FrontendError
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import RunResult
from slam_frontend.summary import summarise
from slam_frontend.types import FrameResult, Sensor, View
from slam_frontend.viz.snapshots import Snapshots

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
MANY = ["--set", "extractor.max_keypoints=9000", "--set", "initializer.min_matches=9000"]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs the command line in an empty folder and gives back its exit code."""
    monkeypatch.chdir(tmp_path)
    return run_main


@pytest.fixture(scope="module")
def sample_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample where a test may break it."""
    folder = tmp_path_factory.mktemp("recordings") / "sample"
    shutil.copytree(SAMPLE, folder)
    return folder


def test_a_run_writes_its_folder_and_prints_the_table(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", SAMPLE, "--limit", 8) == 0
    folder = Path("runs/sample-superpoint-fast")
    for name in ("trajectory.txt", "trajectory_online.txt", "trajectory_kitti.txt", "metrics.json", "map.ply"):
        assert (folder / name).stat().st_size > 0
    assert "sensor: rgbd" in (folder / "config.yaml").read_text()
    assert "8 of 8 frames located" in (folder / "run.log").read_text()
    printed = capsys.readouterr()
    for word in ("located", "lost", "median", "95th percentile", "ATE rmse, m", "RPE a frame, deg", str(folder)):
        assert word in printed.out
    assert printed.err == ""  # no progress bar where nobody watches


def test_the_table_tells_of_a_distortion_that_was_found(rgbd_run: RunResult, capsys) -> None:
    for distortion in ((), (0.0213, 0.0, 0.0, 0.0)):
        print_run(summarise(replace(rgbd_run, distortion=distortion), Sensor.MONO, None), "a run")
        row = [line for line in capsys.readouterr().out.splitlines() if "distortion found" in line]
        assert ["0.0213" in line for line in row] == [True] * bool(distortion)


def test_two_runs_write_the_same_bytes_wherever_features_are_extracted(call: Call) -> None:
    for own_process in ("true", "true", "false"):
        assert call("run", SAMPLE, "--limit", 8, "--set", f"extractor.own_process={own_process}") == 0
    for name in ("trajectory.txt", "trajectory_online.txt", "trajectory_kitti.txt", "map.ply"):
        first, *others = (
            Path(f"runs/sample-superpoint-fast{number}", name).read_bytes() for number in ("", "-2", "-3")
        )
        assert others == [first, first], name


def test_settings_of_the_command_line_win_and_are_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extractor: {name: sift, max_keypoints: 300}\ntracker: {min_inliers: 12}\n")
    arguments = ("--config", "mine.yaml", "--features", "fast", "--set", "extractor.max_keypoints=400")
    assert call("run", SAMPLE, "--limit", 2, "--out", "here", "--sensor", "mono", *arguments) == 0
    written = Path("here/config.yaml").read_text()
    for setting in ("sensor: mono", "name: fast", "max_keypoints: 400", "min_inliers: 12"):
        assert setting in written


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (("--features", "orb"), ("name: orb", "weights: null", "runtime: auto", "precision: auto")),
        (("--features", "superpoint-fast=bare.pt"), ("weights: bare.pt",)),
        (("--runtime", "torch"), ("name: superpoint-fast", "weights: own.pt", "runtime: torch")),
        (("--runtime", "openvino"), ("weights: own.pt", "runtime: openvino", "precision: int8")),
        (("--features", "fast", "--set", "extractor.max_keypoints=300"), ("name: fast", "max_keypoints: 300")),
    ],
)
def test_what_a_file_says_of_a_network_is_not_said_of_another(
    call: Call, arguments: tuple[str, ...], written: tuple[str, ...]
) -> None:
    """Such a file is every run's config.yaml."""
    pytest.importorskip("openvino", reason="openvino is not installed: pip install slam-frontend[fast]")
    for shipped in shipped_weights("superpoint-fast").parent.glob("superpoint_fast*"):
        shutil.copy(shipped, shipped.name.replace("superpoint_fast", "own"))
    shutil.copy("own.pt", "bare.pt")  # without a graph in eight bits
    network = "name: superpoint-fast, weights: own.pt, runtime: openvino, precision: int8"
    Path("mine.yaml").write_text(f"extractor: {{{network}}}\n")
    assert call("run", SAMPLE, "--limit", 2, "--out", "here", "--config", "mine.yaml", *arguments) == 0
    for setting in written:
        assert setting in Path("here/config.yaml").read_text()


def test_start_limit_and_stride_choose_the_frames(call: Call) -> None:
    assert call("run", SAMPLE, "--start", 10, "--stride", 2, "--limit", 3, "--out", "here") == 0
    stamps = [float(line.split()[0]) for line in Path("here/trajectory.txt").read_text().splitlines()]
    everything = [float(line.split()[0]) for line in (SAMPLE / "rgb.txt").read_text().splitlines() if line[0] != "#"]
    assert stamps == pytest.approx(everything[10:16:2], abs=1e-6)


def test_json_is_the_metrics_and_nothing_else(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", SAMPLE, "--limit", 3, "--json", "--out", "here") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(Path("here/metrics.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no such folder"),
        ([SAMPLE, "--format", "kitti"], "kitti"),
        ([SAMPLE, "--sensor", "stereo"], "stereo"),
        ([SAMPLE, "--features", "orbs"], "orb, sift, fast"),
        ([SAMPLE, "--set", "tracker.min_inlier=20"], "did you mean tracker.min_inliers?"),
        ([SAMPLE, "--set", "tracker.min_inliers=many"], "tracker.min_inliers"),
        ([SAMPLE, "--config", "missing.yaml"], "missing.yaml"),
        ([SAMPLE, "--start", "5000"], "5000"),
        ([SAMPLE, "--set", "tracker.seed=1747000000000"], "tracker.seed"),
        ([SAMPLE, "--out", "/dev/null/run"], "choose another folder"),
        ([SAMPLE, "--features", "orb:int8"], "orb: is no network, but was given precision int8"),
        ([SAMPLE, "--features", "sift=own.pt"], "sift: is no network, but was given weights own.pt"),
        ([SAMPLE, "--features", "orb", "--runtime", "openvino"], "orb: is no network, but was given runtime openvino"),
        ([SAMPLE, "--set", "extractor.options={sharpn: 1}"], "superpoint-fast reads none, found sharpn"),
        ([SAMPLE, "--set", "extractor.max_keypoints=50"], "settings: expected max_keypoints of the extractor from"),
        ([SAMPLE, "--set", "depth.min_depth=9"], "min_depth below max_depth"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: list[object], words: str
) -> None:
    assert call("run", *arguments) == 2
    assert words in one_sentence(capsys)
    assert not Path("runs").exists()


def test_a_folder_that_no_run_made_is_left_as_it_is(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [Path("mine/frames/000000.png"), Path("mine/truth.txt")]
    pictures[0].parent.mkdir(parents=True)
    for picture in pictures:
        picture.write_bytes(b"mine")
    assert call("run", SAMPLE, "--limit", 3, "--features", "orb", "--out", "mine") == 2
    assert "no run made it; choose a new folder" in one_sentence(capsys)
    assert all(picture.read_bytes() == b"mine" for picture in pictures)


def test_a_run_replaces_all_that_an_earlier_one_left(call: Call) -> None:
    assert call("run", SAMPLE, "--limit", 6, "--features", "orb", "--tracks", "--out", "here") == 0
    assert call("export", "tracks", "here") == 0
    assert call("report", "here") == 0
    later = [Path("here", name) for name in ("tracks.npz", "tracks.csv", "report.html")]
    assert all(path.exists() for path in later)
    assert call("run", SAMPLE, "--limit", 3, "--features", "fast", "--out", "here") == 0
    assert not any(path.exists() for path in later)
    assert len(Path("here/trajectory.txt").read_text().splitlines()) == 3


def test_results_stand_before_anything_is_printed(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("slam_frontend.cli.tables.print_run", gone)
    with pytest.raises(BrokenPipeError):
        call("run", SAMPLE, "--limit", 3, "--features", "orb", "--out", "here")
    assert Path("here/metrics.json").exists() and Path("here/trajectory.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "depth.min_depth=7.9"], "depths from 7.9 to 8 m; check depth_scale of the camera"),
        (["--sensor", "mono", "--limit", "1"], "one camera has to move"),
        (["--sensor", "mono", *MANY], "no frame had more than"),
    ],
)
def test_a_run_without_any_pose_says_what_to_look_at(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert call("run", SAMPLE, "--limit", 3, "--features", "orb", *arguments) == 0
    assert words in one_sentence(capsys)


@pytest.mark.parametrize("values_a_metre", [5000, 10000])
def test_metres_that_are_not_the_truths_are_doubted(
    call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path, values_a_metre: int
) -> None:
    shutil.copytree(SAMPLE, tmp_path / "clip")
    camera = tmp_path / "clip/camera.yaml"
    camera.write_text(camera.read_text().replace("depth_scale: 5000", f"depth_scale: {values_a_metre}"))
    assert call("run", "clip", "--limit", 20, "--features", "orb") == 0
    said = capsys.readouterr().err
    if values_a_metre == 5000:
        assert said == ""
    else:
        assert "path is 2" in said and "as long as the one found" in said and "check depth_scale of the camera" in said


def test_an_option_that_does_not_exist_is_exit_code_2(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", SAMPLE, "--feature", "orb") == 2
    assert "--features" in capsys.readouterr().err


def test_an_empty_folder_says_what_was_expected(call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert call("run", "empty") == 2
    assert "empty folder" in one_sentence(capsys)


def test_an_image_that_does_not_decode_is_skipped_counted_and_said(
    call: Call, capsys: pytest.CaptureFixture[str], sample_copy: Path
) -> None:
    broken = sorted((sample_copy / "rgb").iterdir())[3]
    broken.write_bytes(b"no image")
    assert call("run", sample_copy, "--limit", 8, "--out", "here") == 0
    printed = capsys.readouterr()
    assert broken.name in printed.err
    metrics = json.loads(Path("here/metrics.json").read_text())
    assert (metrics["frames"], metrics["skipped"], metrics["located"]) == (7, 1, 7)
    rows = Path("here/trajectory_kitti.txt").read_text().splitlines()
    assert [index for index, row in enumerate(rows) if "nan" in row] == [3]


@pytest.mark.parametrize("after", [0, 5])
def test_ctrl_c_writes_what_was_tracked(call: Call, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    update = Snapshots.update

    def interrupted(self: Snapshots, frame, result) -> None:  # type: ignore[no-untyped-def]
        if frame.index >= after:
            raise KeyboardInterrupt
        update(self, frame, result)

    monkeypatch.setattr(Snapshots, "update", interrupted)
    assert call("run", SAMPLE, "--out", "here") == 130
    assert len(Path("here/trajectory.txt").read_text().splitlines()) == after + 1
    assert json.loads(Path("here/metrics.json").read_text())["interrupted"]


def test_ctrl_c_before_the_first_frame_leaves_an_earlier_run_alone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("run", SAMPLE, "--limit", 2, "--out", "here") == 0
    kept = {path: path.read_bytes() for path in Path("here").iterdir() if path.is_file() and path.name != "run.log"}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Frontend, "see", interrupted)
    assert call("run", SAMPLE, "--out", "here") == 130
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ZeroDivisionError("by mistake"), "ZeroDivisionError: by mistake"),
        (FrontendError("the extractor is gone"), "the extractor is gone"),
    ],
)
def test_a_run_that_fails_on_the_way_is_no_success(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: Exception, failure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    follow = Frontend.follow

    def failing(self: Frontend, view: View) -> FrameResult:
        if view.index == 3:
            raise error
        return follow(self, view)

    monkeypatch.setattr(Frontend, "follow", failing)
    assert call("run", SAMPLE, "--out", "here") == 1
    metrics = json.loads(Path("here/metrics.json").read_text())
    assert (metrics["frames"], metrics["failure"]) == (3, failure)
    assert failure in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_real_interrupt_from_outside_ends_a_run_in_order(tmp_path: Path, signal_number: signal.Signals) -> None:
    command = [sys.executable, "-c", "from slam_frontend.cli.main import main; main()", "run", str(SAMPLE)]
    heeding = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    run = subprocess.Popen(
        [*command, "--live", "--out", "here"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heeding
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "here" / "run.log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    for _ in range(4):  # whoever is impatient loses nothing either
        run.send_signal(signal_number)
        time.sleep(0.1)
    assert "Traceback" not in run.communicate(timeout=60)[1]
    assert run.returncode == 130
    written = {path.name for path in (tmp_path / "here").iterdir()}
    assert {"trajectory.txt", "metrics.json", "map.ply", "trajectory.png", "frames.csv", "truth.txt"} <= written


@pytest.mark.data
def test_a_kitti_folder_runs_in_stereo_and_reports_its_drift(
    call: Call, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", data_root / "sequences/kitti/sequences/00", "--limit", 20, "--out", "here") == 0
    metrics = json.loads(Path("here/metrics.json").read_text())
    assert metrics["sensor"] == "stereo"
    assert metrics["located"] == 20
    assert metrics["online"]["drift"]["lengths"] == [10]
    assert "t_rel, % over 10-10 m only" in capsys.readouterr().out


def test_what_runs_the_network_is_said_in_table_log_and_config(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        call("run", SAMPLE, "--limit", 2, "--out", "o", "--features", "superpoint-fast:float", "--runtime", "torch")
        == 0
    )
    said = "sample, rgbd, superpoint-fast (torch, float)"
    assert said in capsys.readouterr().out
    assert said in Path("o/run.log").read_text()
    assert "runtime: torch\n  precision: float\n" in Path("o/config.yaml").read_text()
    assert call("run", SAMPLE, "--limit", 2, "--features", "superpoint-fast:int8", "--runtime", "torch") == 2
    assert "int8 runs with openvino, not with torch" in one_sentence(capsys)
