"""``slam-frontend view`` and ``run --show`` on the bundled sample, without any display."""

import shutil
import socket
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import scripted_window
from command_line import one_sentence, run_main
from headless import drawing_or_skip, pixels_of

from slam_frontend.ply import read_ply
from slam_frontend.run_folder import read_run
from slam_frontend.types import Array
from slam_frontend.viz.palette import FINAL, RUN_COLOURS, TRUTH
from slam_frontend.viz.space.moment import PANEL_WIDTH
from slam_frontend.viz.space.runs import UNBROKEN, run_scenes
from slam_frontend.viz.space.scene import FLOOR
from slam_frontend.viz.windows import viewer
from slam_frontend.viz.windows.browser import Browser
from slam_frontend.viz.windows.display import require_display
from slam_frontend.viz.windows.live import WindowSettings

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
LEGEND = 72  # rows at the lower edge


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two runs of the sample: one in colour, and one with a single camera, which knows no scale."""
    folder = tmp_path_factory.mktemp("runs")
    assert run_main("run", SAMPLE, "--limit", 40, "--colour", "--features", "orb", "--out", folder / "orb") == 0
    assert run_main("run", SAMPLE, "--limit", 60, "--sensor", "mono", "--out", folder / "mono") == 0
    return {"orb": folder / "orb", "mono": folder / "mono"}


@pytest.fixture
def in_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def screenshot(*arguments: object) -> Array:
    """(H,W,3) RGB of what the command wrote into the working folder."""
    drawing_or_skip()
    assert run_main("view", *arguments, "--screenshot", "map.png") == 0
    return np.asarray(cv2.imread("map.png")[:, :, ::-1])


def test_a_screenshot_shows_map_path_truth_and_legend(runs: dict[str, Path], in_empty_folder: Path) -> None:
    picture = screenshot(runs["orb"])
    assert picture.shape[1] == 1280 and 600 < len(picture) <= 860
    assert Path("map.png").stat().st_size < 300_000
    scene, legend = picture[40:-LEGEND], picture[-LEGEND:]
    for colour, least in ((FINAL, 500), (TRUTH, 500), (FLOOR, 1000)):
        assert pixels_of(colour, scene) > least, colour
    colourful = np.ptp(scene.astype(int), axis=2) > 60  # landmarks as in the images, most of them neither blue nor grey
    assert (colourful & (scene[..., 0] > scene[..., 2])).sum() > 500
    assert pixels_of(TRUTH, legend) > 50 and pixels_of(FLOOR, legend) > 50
    assert (legend < 90).all(axis=2).sum() > 500  # words


def test_a_long_name_does_not_push_the_error_out_of_its_panel(runs: dict[str, Path], in_empty_folder: Path) -> None:
    long = in_empty_folder / "rgbd_dataset_freiburg1_xyz-superpoint-fast-with-other-settings"
    shutil.copytree(runs["orb"], long)
    picture = screenshot(runs["orb"], long, runs["mono"])
    short, wrapped = (picture[:72, left : left + 426] for left in (0, 427))
    assert (wrapped[:, -10:] > 150).all()
    assert (wrapped[36:60] < 90).any() and not (short[36:60, :-2] < 90).any()  # a second row of words


def test_runs_stand_beside_each_other_each_in_its_colour(runs: dict[str, Path], in_empty_folder: Path) -> None:
    picture = screenshot(runs["orb"], runs["mono"])
    halves = picture[40:-LEGEND, :640], picture[40:-LEGEND, 640:]
    for number, half in enumerate(halves):
        assert pixels_of(RUN_COLOURS[number], half) > 200
        assert pixels_of(TRUTH, half) > 200
        assert pixels_of(RUN_COLOURS[1 - number], half) == 0


def test_all_runs_lie_on_the_truth(runs: dict[str, Path]) -> None:
    scenes = run_scenes([(read_run(run), read_ply(run / "map.ply")) for run in runs.values()])
    for run in scenes:
        estimate, truth = run.scene.paths
        assert truth.is_dashed and run.is_metric and run.has_truth
        nearest = np.linalg.norm(estimate.positions[:, None] - truth.positions[None], axis=2).min(axis=1)
        assert np.nanmedian(nearest) < 0.02
        assert "ATE" in run.title.text and "mm" in run.title.text
        np.testing.assert_array_equal(run.scene.up, [0, 0, 1])  # the sample's world
    extents = [np.ptp(run.scene.heart(), axis=0) for run in scenes]
    np.testing.assert_allclose(extents[0], extents[1], rtol=0.5)  # the single camera's map has found its scale


def test_the_error_in_the_title_is_the_one_of_the_metrics(runs: dict[str, Path], in_empty_folder: Path) -> None:
    """The frames that a map's start had to wait through are drawn, but they aren't judged."""
    shutil.copytree(runs["mono"], "bare")
    Path("bare/frames.csv").unlink()
    metrics = read_run(runs["mono"]).metrics
    assert metrics["located_afterwards"] > 0
    for folder in (runs["mono"], Path("bare")):
        (shown,) = run_scenes([(read_run(folder), read_ply(folder / "map.ply"))])
        assert shown.title.text.replace(UNBROKEN, " ").endswith(f"ATE {1000 * metrics['final']['ate']['rmse']:.3g} mm")


def test_a_truth_can_be_given(runs: dict[str, Path], in_empty_folder: Path) -> None:
    shutil.copytree(runs["orb"], "bare")
    Path("bare/truth.txt").unlink()
    assert pixels_of(TRUTH, screenshot("bare")[40:-LEGEND]) < 400  # where the path begins, and dark landmarks
    assert pixels_of(TRUTH, screenshot("bare", "--truth", SAMPLE / "groundtruth.txt")[40:-LEGEND]) > 500


def test_a_run_without_a_truth_lies_on_the_first_one(runs: dict[str, Path], in_empty_folder: Path) -> None:
    for name, run in runs.items():
        shutil.copytree(run, name)
        Path(name, "truth.txt").unlink()
    first, second = run_scenes([(read_run(Path(name)), read_ply(Path(name, "map.ply"))) for name in runs])
    paths = [scene.paths[0].positions for scene in (first.scene, second.scene)]
    common = min(map(len, paths))
    distances = np.linalg.norm(paths[0][:common] - paths[1][:common], axis=1)
    assert np.nanmedian(distances) < 0.02
    assert "ATE" not in first.title.text and not first.has_truth


def test_a_run_that_kept_no_truth_takes_that_of_another(runs: dict[str, Path], in_empty_folder: Path) -> None:
    shutil.copytree(runs["orb"], "bare")
    Path("bare/truth.txt").unlink()
    folders = Path("bare"), runs["mono"]
    first, second = run_scenes([(read_run(run), read_ply(run / "map.ply")) for run in folders])
    assert first.has_truth and first.recording == second.recording
    np.testing.assert_array_equal(first.scene.up, second.scene.up)


def test_a_run_without_a_map_or_a_table_still_shows_its_path(runs: dict[str, Path], in_empty_folder: Path) -> None:
    shutil.copytree(runs["orb"], "bare")
    for name in ("map.ply", "frames.csv"):
        Path("bare", name).unlink()
    assert pixels_of(FINAL, screenshot("bare")[40:-LEGEND]) > 500


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "expected the results of"),
        (["."], "no metrics.json"),
        (["orb", "--screenshot", "map.jpg"], "end the name with .png"),
        (["orb", "--screenshot", "/dev/null/map.png"], "can't be written"),
        (["orb", "--truth", "other.txt"], "same clock"),
        (
            ["orb", "--truth", "kitti.txt"],
            "kitti.txt: a KITTI file has no timestamps, the other one does; give --times",
        ),
        (["lost"], "never located"),
        (["damaged"], "is no map of a run"),
        (["orb"], "no display"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    runs: dict[str, Path],
    in_empty_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    drawing_or_skip()
    for name in ("orb", "lost", "damaged"):
        shutil.copytree(runs["orb"], name)
    Path("lost/trajectory.txt").write_text("")
    Path("damaged/map.ply").write_bytes(b"ply\nend_header\n")
    Path("other.txt").write_text("".join(f"{time} 0 0 {time} 0 0 0 1\n" for time in range(900, 940)))
    Path("kitti.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * 40)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    assert run_main("view", *arguments) == 2
    assert words in one_sentence(capsys)


def test_without_open3d_view_names_the_command_that_brings_it(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_empty_folder: Path
) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    assert run_main("view", runs["orb"], "--screenshot", "map.png") == 2
    assert 'pip install "slam-frontend[viewer]"' in one_sentence(capsys)
    assert not Path("map.png").exists()


def test_the_browser_puts_runs_beside_each_other_and_in_one_place(runs: dict[str, Path], in_empty_folder: Path) -> None:
    drawing_or_skip()
    scenes = run_scenes([(read_run(run), read_ply(run / "map.ply")) for run in runs.values()])
    browser = Browser(scenes, in_empty_folder, visible=False)

    def columns_of(colour: str) -> Array:
        picture = browser.capture()[:, PANEL_WIDTH:].astype(int)
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        return np.asarray(np.argwhere(np.abs(picture - rgb).max(axis=2) < 12)[:, 1])

    first, second = columns_of(RUN_COLOURS[0]), columns_of(RUN_COLOURS[1])
    assert min(len(first), len(second)) > 100 and first.max() < second.min()
    browser.press("O")
    assert np.median(columns_of(RUN_COLOURS[1])) < columns_of(RUN_COLOURS[0]).max()
    browser.press("P")
    assert cv2.imread("window-1.png").shape == (800, 1360, 3)
    browser.close()


@pytest.fixture
def invisible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows that nobody sees and that close by themselves."""
    monkeypatch.setattr(WindowSettings.__init__, "__defaults__", (False,))


def test_a_shown_run_is_the_same_run(
    in_empty_folder: Path, invisible: None, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing_or_skip()
    assert run_main("run", SAMPLE, "--limit", 12, "--show", "--out", "shown") == 0
    assert capsys.readouterr().err == ""
    assert run_main("run", SAMPLE, "--limit", 12, "--colour", "--out", "alone") == 0
    for name in ("trajectory.txt", "trajectory_online.txt", "map.ply"):
        assert Path("shown", name).read_bytes() == Path("alone", name).read_bytes()


def test_a_window_closed_during_the_run_does_not_end_it(in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "run_window", scripted_window.is_closed_at_once)
    assert run_main("run", SAMPLE, "--limit", 12, "--show", "--out", "here") == 0
    assert len(Path("here/trajectory.txt").read_text().splitlines()) == 12
    assert "the window was closed" in Path("here/run.log").read_text()


@pytest.mark.parametrize("left_behind", [{}, {"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": "."}])
def test_without_a_display_show_is_one_sentence_before_the_run(
    in_empty_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left_behind: dict[str, str],
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in left_behind.items():
        monkeypatch.setenv(variable, value)
    assert run_main("run", SAMPLE, "--show") == 2
    assert "no display" in one_sentence(capsys)
    assert not list(Path("runs").iterdir())
    Path("mine").mkdir()
    assert run_main("run", SAMPLE, "--show", "--out", "mine") == 2
    assert Path("mine").exists(), "a folder of one's own choice stays"


def test_a_wayland_that_listens_is_a_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-9")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("wayland-9")
        server.listen()
        require_display()


def test_without_open3d_show_names_the_command_that_brings_it(
    in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch, invisible: None, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(viewer, "run_window", scripted_window.without_open3d)
    assert run_main("run", SAMPLE, "--show", "--out", "here") == 2
    assert 'pip install "slam-frontend[viewer]"' in one_sentence(capsys)
    assert not Path("here").exists()
