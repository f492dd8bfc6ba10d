"""A run that is watched: the window shows it, and neither waits for the other."""

import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import scripted_window
from headless import drawing_or_skip, pixels_of
from synthetic import SyntheticSequence, SyntheticWorld, curved_path

from slam_frontend.errors import ViewerError
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import run_sequence
from slam_frontend.viz.palette import FINAL, ONLINE, TRUTH
from slam_frontend.viz.space.landmark_colours import LandmarkColours
from slam_frontend.viz.space.moment import PANEL_WIDTH, Moment, picture_of
from slam_frontend.viz.space.observer import Observer
from slam_frontend.viz.space.scene import FLOOR, on_paper
from slam_frontend.viz.windows import viewer as viewer_module
from slam_frontend.viz.windows.live import SIZE, LiveWindow, WindowSettings
from slam_frontend.viz.windows.viewer import LiveViewer

Watch = Callable[..., tuple[LiveViewer, Frontend, SyntheticSequence, LandmarkColours]]


@pytest.fixture
def watch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, synthetic_frontend: Callable[[SyntheticSequence], Frontend]
) -> Watch:
    """Opens a window that follows a script, or the real one, on a walk of thirty frames."""

    def open_viewer(script=None):  # type: ignore[no-untyped-def]
        if script is not None:
            monkeypatch.setattr(viewer_module, "run_window", script)
        sequence = SyntheticSequence(SyntheticWorld(curved_path(30)))
        frontend = synthetic_frontend(sequence)
        colours = LandmarkColours(frontend)
        settings = WindowSettings("walk", tmp_path, is_metric=True, has_truth=True, visible=False)
        return LiveViewer(settings, frontend, colours, sequence.truth), frontend, sequence, colours

    return open_viewer


def run(viewer: LiveViewer, frontend: Frontend, sequence: SyntheticSequence, colours: LandmarkColours) -> int:
    """How many frames were located while the viewer watched."""

    def on_frame(frame, result) -> None:  # type: ignore[no-untyped-def]
        colours.update(frame, result)
        viewer.update(frame, result)

    return int(run_sequence(frontend, sequence, on_frame).online.located.sum())


def test_an_invisible_window_watches_a_run_to_its_end(watch: Watch) -> None:
    drawing_or_skip()
    viewer, *rest = watch()
    assert run(viewer, *rest) == 30
    viewer.finish()  # comes back, since nobody could close the window


def test_a_closed_window_does_not_end_the_run(watch: Watch) -> None:
    viewer, *rest = watch(scripted_window.is_closed_at_once)
    assert run(viewer, *rest) == 30
    viewer.finish()


def test_a_window_that_hangs_does_not_hold_up_the_run(watch: Watch) -> None:
    viewer, *rest = watch(scripted_window.hangs)
    start = time.monotonic()
    assert run(viewer, *rest) == 30
    viewer.close()
    assert time.monotonic() - start < scripted_window.PATIENCE / 2


def test_a_paused_run_goes_on_frame_by_frame(watch: Watch, tmp_path: Path) -> None:
    viewer, *rest = watch(scripted_window.steps_thrice)
    assert run(viewer, *rest) == 30
    viewer.finish()
    told = (tmp_path / "told.txt").read_text().splitlines()
    frames = [int(re.findall(r"frame (\d+)", line)[0]) for line in told]
    assert frames[:4] == [0, 1, 2, 3]
    assert frames[-1] == 29 and frames == sorted(frames)
    assert told[-1].endswith("30 positions")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (scripted_window.refuses, "there is no window today"),
        (scripted_window.breaks_off, "broke off"),
        (scripted_window.without_open3d, r'pip install "slam-frontend\[viewer\]"'),
    ],
)
def test_a_window_that_cannot_open_says_why(watch: Watch, script: Callable[..., None], sentence: str) -> None:
    with pytest.raises(ViewerError, match=sentence):
        watch(script)


@pytest.fixture
def moment(synthetic_frontend: Callable[[SyntheticSequence], Frontend]) -> Moment:
    """What a window is told after thirty frames, in colour."""
    sequence = SyntheticSequence(SyntheticWorld(curved_path(30)))
    frontend = synthetic_frontend(sequence)
    colours = LandmarkColours(frontend)
    observer = Observer(frontend, colours, sequence.truth, is_metric=True)
    for frame in sequence:
        frame = replace(frame, colour=np.full((*frame.image.shape, 3), (200, 30, 90), np.uint8))
        result = frontend.process(frame)
        colours.update(frame, result)
        observer.note(frame, result)
    return observer.moment()


def test_a_moment_tells_all_of_the_run(moment: Moment) -> None:
    np.testing.assert_allclose(moment.positions, curved_path(30)[:, :3, 3], atol=0.05)
    np.testing.assert_allclose(moment.truth, curved_path(30)[:, :3, 3], atol=0.05)
    assert len(moment.keyframes) > 1 and len(moment.points) > 100
    assert (moment.colours == (200, 30, 90)).all()
    np.testing.assert_allclose(moment.up, [0, -1, 0], atol=0.05)
    assert moment.words[0] == "frame 29: tracking"
    picture = picture_of(moment)
    assert picture.shape == (300, PANEL_WIDTH, 3)
    assert pixels_of("#009E73", picture) > 20  # tracked keypoints


@pytest.fixture
def live_window(tmp_path: Path) -> Iterator[LiveWindow]:
    drawing_or_skip()
    commands, _ = multiprocessing.Pipe()
    window = LiveWindow(WindowSettings("walk", tmp_path, is_metric=True, has_truth=True, visible=False), commands)
    yield window
    window.close()


def test_the_window_shows_scene_frame_and_keys(live_window: LiveWindow, moment: Moment) -> None:
    live_window.show(moment)
    picture = live_window.capture()
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    scene, panel = picture[:, PANEL_WIDTH:], picture[:, :PANEL_WIDTH]
    for colour, least in ((ONLINE, 100), (TRUTH, 100), (FINAL, 100), (FLOOR, 300)):
        assert pixels_of(colour, scene) > least, colour
    darkened = "#{:02X}{:02X}{:02X}".format(*on_paper(np.array([200, 30, 90])))
    assert pixels_of(darkened, scene) > 500  # landmarks as in the images
    np.testing.assert_allclose(panel[:300].astype(int), picture_of(moment), atol=3)
    assert 500 < (panel[400:] < 100).all(axis=2).sum() < 20_000  # words


@pytest.mark.parametrize("axis", [0, 1])
def test_the_scene_is_shown_the_right_way_up(live_window: LiveWindow, moment: Moment, axis: int) -> None:
    """A camera's x points to the right and its y downwards, in the picture as well."""
    middles = []
    for side in (moment.points[:, axis] < -1, moment.points[:, axis] > 1):
        colours = np.full((int(side.sum()), 3), (250, 0, 250), np.uint8)
        live_window.show(replace(moment, points=moment.points[side], colours=colours))
        scene = live_window.capture()[:, PANEL_WIDTH:].astype(int)
        found = np.argwhere(np.abs(scene - on_paper(colours[0])).max(axis=2) < 12)  # row, column
        middles.append(found[:, 1 - axis].mean())
    assert middles[0] < middles[1] - 50


def test_the_keys_do_what_the_panel_says(live_window: LiveWindow, moment: Moment, tmp_path: Path) -> None:
    live_window.show(moment)
    by_image = live_window.capture()
    live_window.press("C")
    by_age = live_window.capture()
    assert (by_image != by_age).any(axis=2).sum() > 500
    live_window.press("H")
    assert pixels_of("#009E73", live_window.capture()) == 0  # the frame is hidden with the panel
    live_window.press("P")
    live_window.press("P")
    assert (tmp_path / "window-2.png").exists()
    saved = cv2.imread(str(tmp_path / "window-1.png"))
    assert saved.shape == (SIZE[1], SIZE[0], 3) and pixels_of(ONLINE, saved[:, :, ::-1]) > 100
    live_window.press("R")
    assert (live_window.capture()[:, :, 1] < 250).sum() > 5000


def test_the_eye_follows_the_camera_until_it_is_told_to_stay(live_window: LiveWindow, moment: Moment) -> None:
    assert moment.T_world_cam is not None
    live_window.show(moment)
    eye = live_window.eye
    T_world_cam = moment.T_world_cam.copy()
    T_world_cam[:3, 3] += (1, 0, 2)
    live_window.show(replace(moment, T_world_cam=T_world_cam))
    np.testing.assert_allclose(live_window.eye - eye, (1, 0, 2), atol=1e-6)
    live_window.show(replace(moment, T_world_cam=None))  # lost
    live_window.press("F")
    live_window.show(moment)
    np.testing.assert_allclose(live_window.eye - eye, (1, 0, 2), atol=1e-6)
    live_window.show(replace(moment, segment=1))  # a new map: its world begins anew
    np.testing.assert_allclose(live_window.eye, eye, atol=1e-6)
