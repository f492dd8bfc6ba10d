"""A run watched while it goes on: the run's side of the window."""

import logging
import multiprocessing
import time
from multiprocessing.connection import Connection
from queue import Full
from typing import Protocol

from slam_frontend.errors import ViewerError
from slam_frontend.frontend import Frontend
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Frame, FrameResult
from slam_frontend.viz.space.landmark_colours import LandmarkColours
from slam_frontend.viz.space.moment import Moment
from slam_frontend.viz.space.observer import Observer
from slam_frontend.viz.windows.live import OPEN, PAUSE, STEP, WindowSettings, run_window

logger = logging.getLogger(__name__)

SHARE = 0.04  # of the run's time, that telling the window may take
START_TIMEOUT = 60.0  # seconds
PATIENCE = 0.05  # seconds between looks at whether the window has answered or gone


class Viewer(Protocol):
    """Whoever watches a run."""

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Take note of a frame; fits ``run_sequence``'s on_frame."""
        ...

    def finish(self) -> None:
        """Show the end, for as long as the user wants to look at it."""
        ...

    def close(self) -> None:
        """Stop watching at once."""
        ...


class NullViewer:
    """Nobody watches."""

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Nothing to do."""

    def finish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class LiveViewer:
    """Tells a window in another process what happens, never more often than it can draw nor for more than a small
    share of the run's time. A window that is closed is told nothing more."""

    def __init__(
        self, settings: WindowSettings, frontend: Frontend, colours: LandmarkColours, truth: Trajectory | None
    ) -> None:
        """Opens the window; ViewerError where there can't be any."""
        context = multiprocessing.get_context("spawn")
        self._moments: multiprocessing.Queue[Moment] = context.Queue(1)
        self._commands, theirs = context.Pipe(duplex=False)
        self._window = context.Process(target=run_window, args=(settings, self._moments, theirs), daemon=True)
        self._window.start()
        theirs.close()  # so that the end of the window is the end of the pipe
        answer = _answer(self._commands)
        if answer != OPEN:
            self._window.terminate()
            raise ViewerError(answer)
        self._observer = Observer(frontend, colours, truth, settings.is_metric)
        self._is_open, self._is_paused = True, False
        self._num_wanted = 0  # frames that were asked for one by one
        self._next_time = 0.0

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Tell the window, if it is time to; while it is paused, wait."""
        if not self._is_open:
            return
        self._observer.note(frame, result)
        self._listen()
        if self._is_paused:
            self._wait()
        elif time.perf_counter() >= self._next_time and not self._moments.full():
            began = time.perf_counter()
            self._moments.put_nowait(self._observer.moment())
            self._next_time = time.perf_counter() + (time.perf_counter() - began) / SHARE

    def finish(self) -> None:
        """Show the end until the user closes the window; Ctrl-C does so, too."""
        try:
            if self._is_open and self._observer.has_seen:
                self._insist(self._observer.moment(is_last=True))
            while self._is_open:
                time.sleep(PATIENCE)
                self._listen()
        except KeyboardInterrupt:
            logger.info("interrupted while the end was shown")
        self.close()

    def close(self) -> None:
        """Take the window away."""
        self._is_open = False
        self._moments.cancel_join_thread()
        self._window.terminate()
        self._window.join()

    def _wait(self) -> None:
        """Show the frame and wait until the user wants the next one."""
        self._insist(self._observer.moment())
        while self._is_open and self._is_paused:
            if self._num_wanted > 0:
                self._num_wanted -= 1
                return
            time.sleep(PATIENCE)
            self._listen()

    def _listen(self) -> None:
        """Take to heart what the window has said meanwhile."""
        try:
            while self._is_open and self._commands.poll():
                command = self._commands.recv()
                self._is_paused = command in (PAUSE, STEP)
                self._num_wanted = self._num_wanted + 1 if command == STEP else 0
        except (EOFError, OSError):
            self._is_open = False
            logger.info("the window was closed")

    def _insist(self, moment: Moment) -> None:
        """Hand over a moment, however long the window takes for the one before."""
        while self._is_open:
            try:
                self._moments.put(moment, timeout=PATIENCE)
                return
            except Full:
                self._listen()


def _answer(commands: Connection) -> str:
    """What the window says first: that it is open, or why it can't be."""
    try:
        return str(commands.recv()) if commands.poll(START_TIMEOUT) else f"no window opened in {START_TIMEOUT:.0f} s"
    except EOFError:
        return "the process of the window broke off: OpenGL may not work on this display; do without --show"
