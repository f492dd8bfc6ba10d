"""The window of a running frontend, in a process of its own: however slowly it draws, nobody waits for it."""

import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

import cv2
import numpy as np

from slam_frontend.errors import FrontendError
from slam_frontend.optional import require
from slam_frontend.types import Array
from slam_frontend.viz.palette import FINAL, ONLINE, TRUTH
from slam_frontend.viz.space.framing import Viewpoint, behind, overview
from slam_frontend.viz.space.legend import MOUSE, Entry, broken, draw_legend, floor_entry, landmarks_entry
from slam_frontend.viz.space.moment import PANEL_WIDTH, Moment, picture_of, scene_of
from slam_frontend.viz.space.scene import Scene
from slam_frontend.viz.windows.display import require_display
from slam_frontend.viz.windows.panelled import PanelledWindow

SIZE = (1360, 840)
SHARE = 0.2  # of one core, that drawing new moments may take while frames come
INTERVAL = 1 / 30  # seconds between looks at mouse and keys
NICENESS = 5  # tracking goes first where cores are few
OPEN, PAUSE, GO, STEP = "open", "pause", "go", "step"  # what the window says to the run; all else is a complaint
AWAY = 2.2  # how far the eye is at first, in distances of the landmarks
KEYS = [
    Entry("key", "pause, go on", key="Space"),
    Entry("key", "one frame", key="N"),
    Entry("key", "follow the camera, stay", key="F"),
    Entry("key", "see everything", key="R"),
    Entry("key", "landmarks by image, by age", key="C"),
    Entry("key", "save a picture", key="P"),
    Entry("key", "hide this panel", key="H"),
    MOUSE,
    Entry("key", "close; the run goes on", key="Q"),
]


@dataclass(frozen=True)
class WindowSettings:
    """What the window has to know beforehand."""

    title: str
    folder: Path  # for the pictures
    is_metric: bool
    has_truth: bool
    visible: bool = True


def run_window(settings: WindowSettings, moments: "Queue[Moment]", commands: Connection) -> None:
    """Show moments until the window is closed or the run is gone; tells the run when it opens, or why it can't."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends the window
    try:
        if settings.visible:
            require_display()
        require("open3d", extra="viewer")  # at full speed: the run waits for it
        if hasattr(os, "nice"):
            os.nice(NICENESS)
        window = LiveWindow(settings, commands)
    except FrontendError as error:
        commands.send(str(error))
        return
    commands.send(OPEN)
    window.run(moments)


class LiveWindow(PanelledWindow):
    """The scene, a panel beside it, and what the keys do."""

    def __init__(self, settings: WindowSettings, commands: Connection) -> None:
        keys = {
            " ": self._pause, "N": self._step, "F": self._follow, "R": self._overview,
            "C": self._change_colours, "P": self._save, "H": self._hide,
        }  # fmt: skip
        super().__init__(settings.title, SIZE, settings.visible, keys)
        self._settings, self._commands = settings, commands
        self._moment: Moment | None = None
        self._scene: Scene | None = None
        self._legends = [_draw_legend(settings, with_ages) for with_ages in (False, True)]
        self._saying = ""
        self._is_paused = self._with_ages = False
        self._is_following = True
        self._followed: Array | None = None  # where the camera was when the eye last came along

    def run(self, moments: "Queue[Moment]") -> None:
        """Until it is closed, or the run has ended without having said so."""
        next_moment = 0.0
        while self._window.poll() and _is_run_alive():
            is_time = self._is_paused or time.monotonic() >= next_moment
            if is_time and (moment := _latest(moments)) is not None:
                start = time.process_time()
                self.show(moment)
                self._window.poll()
                next_moment = time.monotonic() + (time.process_time() - start) / SHARE
                if moment.is_last and not self._settings.visible:
                    break  # nobody could close it
            time.sleep(INTERVAL)
        self.close()

    def show(self, moment: Moment) -> None:
        """Draw the latest moment and, if wanted, come along with the camera."""
        if self._moment is not None and self._moment.segment != moment.segment:
            self._followed = None  # another map: its world begins anew
        self._moment = moment
        self._scene = scene_of(moment, self._with_ages)
        if self._followed is None:
            self._place_behind()
        elif self._is_following and moment.T_world_cam is not None:
            self._window.look(self._window.viewpoint.moved(moment.T_world_cam[:3, 3] - self._followed))
            self._followed = moment.T_world_cam[:3, 3]
        self._window.show(self._scene)
        self._draw_panel()

    @property
    def eye(self) -> Array:
        """(3,) from where the scene is looked at, in the world of the moment."""
        return self._window.viewpoint.eye

    def _place_behind(self) -> None:
        """Look from behind the camera, as soon as there is something to see."""
        moment = self._moment
        if moment is None or moment.T_world_cam is None or not len(moment.points):
            return
        position, forward = moment.T_world_cam[:3, 3], moment.T_world_cam[:3, 2]
        distance = float(np.median(np.linalg.norm(moment.points - position, axis=1)))
        front, up = behind(forward, moment.up)
        view = Viewpoint(position + 0.5 * distance * forward, front, up, AWAY * distance)
        self._window.look(view.beside(self._hidden_share, self._window.aspect))
        self._followed = position

    def _draw_panel(self) -> None:
        if self._moment is None or self._is_hidden:
            self._window.show_panel(None)
            return
        state = "the run is over" if self._moment.is_last else "paused" if self._is_paused else ""
        floors = self._scene.floors if self._scene else ()
        lengths = [floor_entry([floor.step], self._settings.is_metric).text for floor in floors]
        words = _write([*self._moment.words, *lengths, state, self._saying])
        self._window.show_panel(np.concatenate([picture_of(self._moment), words, self._legends[self._with_ages]]))

    def _pause(self) -> None:
        self._is_paused = not self._is_paused
        self._tell(PAUSE if self._is_paused else GO)

    def _step(self) -> None:
        self._is_paused = True
        self._tell(STEP)

    def _tell(self, command: str) -> None:
        try:
            self._commands.send(command)
        except OSError:  # the run is over
            self._is_paused = False
        self._draw_panel()

    def _follow(self) -> None:
        self._is_following = not self._is_following
        if self._is_following:
            self._place_behind()

    def _overview(self) -> None:
        heart = np.empty((0, 3)) if self._scene is None else self._scene.heart()
        if self._moment is not None and len(heart):
            forward = self._moment.keyframes[:, :3, 2].mean(axis=0)
            share, aspect = self._hidden_share, self._window.aspect
            view = overview(heart, forward, self._moment.up, (1 - share) * aspect)
            self._window.look(view.beside(share, aspect))
            self._is_following = False

    def _change_colours(self) -> None:
        self._with_ages = not self._with_ages
        if self._moment is not None:
            self._scene = scene_of(self._moment, self._with_ages)
            self._window.show(self._scene)
            self._draw_panel()

    def _save(self) -> None:
        self._saying = self._window.save(self._settings.folder)
        self._draw_panel()

    def _hide(self) -> None:
        self._is_hidden = not self._is_hidden
        self._draw_panel()


def _latest(moments: "Queue[Moment]") -> Moment | None:
    try:
        return moments.get_nowait()
    except Empty:
        return None


def _is_run_alive() -> bool:
    parent = parent_process()
    return parent is None or parent.is_alive()


def _draw_legend(settings: WindowSettings, with_ages: bool) -> Array:
    entries = [
        *([Entry("dashed", "truth", TRUTH)] if settings.has_truth else []),
        Entry("line", "path as tracked, and the camera now", ONLINE),
        Entry("camera", "some of the keyframes", FINAL),
        Entry("dot", "start"),
        landmarks_entry(in_images=not with_ages),
    ]
    return draw_legend(entries + KEYS, PANEL_WIDTH)


def _write(lines: list[str]) -> Array:
    """Dark on white; quicker than the legend's, since it changes with every moment."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.43

    def measure(text: str) -> float:
        return float(cv2.getTextSize(text, font, scale, 1)[0][0])

    lines = [part for line in lines for part in broken(line, PANEL_WIDTH - 24, measure)]
    canvas = np.full((22 * len(lines) + 8, PANEL_WIDTH, 3), 255, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(canvas, line, (12, 22 * row + 20), font, scale, (26, 26, 26), 1, cv2.LINE_AA)
    return canvas
