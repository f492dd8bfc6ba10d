"""A run watched while it goes on: the run's side of the window."""

import logging
import multiprocessing
import time
from multiprocessing.connection import Connection
from queue import Full
from typing import Protocol

import cv2
import numpy as np

from slam_frontend.errors import ViewerError
from slam_frontend.frontend import Frontend
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Frame, FrameResult
from slam_frontend.viz.draw import Tracks, draw_tracks
from slam_frontend.viz.landmark_colours import LandmarkColours
from slam_frontend.viz.live_window import GO, OPEN, PANEL_WIDTH, PAUSE, STEP, WindowSettings, run_window
from slam_frontend.viz.moment import Moment
from slam_frontend.viz.tracked_path import UP_OF_FIRST_CAMERA, TrackedPath, TruthBeside

logger = logging.getLogger(__name__)

SHARE = 0.04  # of the run's time, that telling the window may take
MAX_POINTS = 50_000
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
        _wait_until_open(self._commands)
        self._settings, self._frontend, self._colours = settings, frontend, colours
        self._path, self._tracks = TrackedPath(), Tracks()
        self._truth = None if truth is None else TruthBeside(truth, "se3" if settings.is_metric else "sim3")
        self._latest: tuple[Frame, FrameResult] | None = None
        self._is_open, self._is_paused = True, False
        self._next_time = 0.0

    def update(self, frame: Frame, result: FrameResult) -> None:
        """Tell the window, if it is time to; while it is paused, wait."""
        if not self._is_open:
            return
        self._tracks.update(result)
        self._path.add(result, self._frontend.map)
        self._latest = frame, result
        self._listen()
        if self._is_paused:
            self._wait()
        elif time.perf_counter() >= self._next_time and not self._moments.full():
            began = time.perf_counter()
            self._moments.put_nowait(self._moment(frame, result))
            self._next_time = time.perf_counter() + (time.perf_counter() - began) / SHARE

    def finish(self) -> None:
        """Show the end until the user closes the window; Ctrl-C does so, too."""
        try:
            if self._is_open and self._latest is not None:
                self._insist(self._moment(*self._latest, is_last=True))
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
        assert self._latest is not None
        self._insist(self._moment(*self._latest))
        while self._is_open and self._is_paused and not self._listen():
            time.sleep(PATIENCE)

    def _listen(self) -> bool:
        """Whether the window asks for a frame; what else it says is taken to heart."""
        wants_frame = False
        try:
            while self._is_open and self._commands.poll():
                command = self._commands.recv()
                wants_frame = command in (GO, STEP)
                self._is_paused = command in (PAUSE, STEP)
        except (EOFError, OSError):
            self._is_open = False
            logger.info("the window was closed; the run goes on without it")
        return wants_frame

    def _insist(self, moment: Moment) -> None:
        """Hand over a moment, however long the window takes for the one before."""
        while self._is_open:
            try:
                self._moments.put(moment, timeout=PATIENCE)
                return
            except Full:
                self._listen()

    def _moment(self, frame: Frame, result: FrameResult, is_last: bool = False) -> Moment:
        camera, map, path = self._frontend.camera, self._frontend.map, self._path.trajectory()
        cloud = self._colours.cloud()
        cloud = cloud.select(np.flatnonzero(cloud.segments == map.segment))
        few = cloud.select(np.arange(0, len(cloud), len(cloud) // MAX_POINTS + 1))
        keyframes = [pose for id, pose in map.poses.items() if id >= self._path.first_keyframe]
        return Moment(
            positions=path.T_world_cam[:, :3, 3],
            T_world_cam=result.estimate.T_world_cam,
            truth=np.empty((0, 3)) if self._truth is None else self._truth.positions(path),
            keyframes=np.array(keyframes).reshape(-1, 4, 4),
            points=few.positions,
            colours=np.empty((0, 3), np.uint8) if few.colours is None else few.colours,
            up=UP_OF_FIRST_CAMERA if self._truth is None else self._truth.up(path),
            half=(camera.width / camera.fx / 2, camera.height / camera.fy / 2),
            picture=_reduced(frame, result, self._tracks.trails()),
            words=_in_words(frame, result, len(cloud), len(keyframes)),
            is_last=is_last,
        )


def _wait_until_open(commands: Connection) -> None:
    try:
        answer = commands.recv() if commands.poll(START_TIMEOUT) else "the window did not open in time"
    except EOFError:
        answer = "the process of the window broke off: OpenGL may not work on this display"
    if answer != OPEN:
        raise ViewerError(answer)


def _reduced(frame: Frame, result: FrameResult, trails: list[Array]) -> Array:
    """(H,W,3) uint8 RGB of the panel's width, with keypoints and trails as thin as in the whole frame."""
    image = frame.image if frame.colour is None else frame.colour
    factor = PANEL_WIDTH / image.shape[1]
    size = PANEL_WIDTH, round(factor * image.shape[0])
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    if canvas.ndim == 2:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2RGB)
    keypoints = factor * (result.view.features.keypoints + 0.5) - 0.5
    draw_tracks(canvas, keypoints, result.estimate.keypoint_ids, [factor * (trail + 0.5) - 0.5 for trail in trails])
    return np.asarray(canvas)


def _in_words(frame: Frame, result: FrameResult, num_landmarks: int, num_keyframes: int) -> tuple[str, ...]:
    estimate = result.estimate
    return (
        f"frame {frame.index}: {estimate.state}{', keyframe' if result.keyframe else ''}",
        f"{len(estimate.landmark_ids)} of {len(result.view.features)} keypoints on landmarks",
        f"{num_landmarks:,} landmarks, {num_keyframes} keyframes",
    )
