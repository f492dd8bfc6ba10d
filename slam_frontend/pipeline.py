"""A whole recording through the frontend: the loop around ``Frontend.process``."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slam_frontend.clock import StageClock
from slam_frontend.datasets import Sequence
from slam_frontend.errors import FrontendError, SequenceError, describe
from slam_frontend.frame_table import FrameTable
from slam_frontend.mapping import LocalMap
from slam_frontend.prefetch import prefetch
from slam_frontend.threads import shared_cores
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Frame, FrameResult, Reference, TrackingState, View

logger = logging.getLogger(__name__)

OnFrame = Callable[[Frame, FrameResult], None]
FRAMES_AHEAD = 4
VIEWS_AHEAD = 4  # so that extraction goes on while a keyframe holds tracking up; fewer when the newest view counts
LOST_POSE = np.full((4, 4), np.nan)


class FrameProcessor(Protocol):
    """What the loop needs of a frontend."""

    clock: StageClock

    @property
    def map(self) -> LocalMap: ...

    def see(self, frame: Frame) -> View: ...

    def follow(self, view: View) -> FrameResult: ...

    def finish(self) -> None: ...


@dataclass(frozen=True)
class RunResult:
    """What a run leaves behind: one row for each frame that was processed."""

    recording: str
    indices: Array  # (N,) of the frames in their recording
    online: Trajectory  # each pose as it was known at its frame
    final: Trajectory  # the same poses after mapping, and those of the views before the map's first landmarks
    segments: Array  # (N,) which map a pose belongs to; poses of two maps can't be compared
    is_lost: Array  # (N,) bool; a frame that is neither lost nor located was still initializing
    is_keyframe: Array  # (N,) bool
    num_keypoints: Array  # (N,)
    num_expected: Array  # (N,) landmarks that should have been in sight
    num_inliers: Array  # (N,)
    milliseconds: dict[str, Array]  # (N,) by stage
    skipped: tuple[str, ...]  # a sentence for each frame that couldn't be used
    dropped: int  # frames left out to keep pace
    interrupted: bool
    failure: Exception | None  # what ended the run early
    points: Array  # (P,3) landmarks
    distortion: tuple[float, ...]  # k1 k2 p1 p2 found in images that were said to have none; empty where it wasn't

    @property
    def frame_table(self) -> FrameTable:
        """What is known of each frame besides its poses, as it is kept."""
        states = np.where(self.is_lost, TrackingState.LOST, TrackingState.INITIALIZING)
        return FrameTable(
            indices=self.indices,
            timestamps=self.online.timestamps,
            states=np.where(self.online.located, TrackingState.TRACKING, states),
            segments=self.segments,
            num_keypoints=self.num_keypoints,
            num_expected=self.num_expected,
            num_inliers=self.num_inliers,
            is_keyframe=self.is_keyframe,
            milliseconds=self.milliseconds,
        )

    @property
    def longest_segment(self) -> Array:
        """(N,) bool: the frames of the map that located the most."""
        return self.frame_table.longest_segment

    @property
    def is_judged(self) -> Array:
        """(N,) bool: those of them that were located at their time, so that errors before and after mapping compare."""
        return self.longest_segment & self.online.located


@shared_cores()
def run_sequence(
    frontend: FrameProcessor, sequence: Sequence, on_frame: OnFrame | None = None, live: bool = False
) -> RunResult:
    """All frames in order; ``live`` leaves frames out to keep pace with their timestamps.

    A KeyboardInterrupt, or any error after the first frame, such as that of a recording or an extractor that breaks
    off, ends the run early and is noted in the result.
    """
    log = _RunLog(frontend.clock)
    pace = _Pace()
    interrupted = False
    failure: Exception | None = None
    try:
        with _seen_ahead(frontend, sequence, pace if live else None) as views:
            for frame, view in views:
                result = frontend.follow(view)
                log.add(result)
                if on_frame:
                    on_frame(frame, result)
        frontend.finish()
    except KeyboardInterrupt:
        interrupted = True
        logger.warning("interrupted after %d frames", len(log.timestamps))
    except Exception as error:  # an extractor of a third party may raise anything; hours of tracking outlive it
        if not log.timestamps:
            raise
        failure = error
        unforeseen = None if isinstance(error, FrontendError) else error
        logger.warning("%s; the run ends after %d frames", describe(error), len(log.timestamps), exc_info=unforeseen)
    frontend.finish()  # nothing where that was done above
    return log.result(frontend, sequence.name, tuple(sequence.skipped), pace.dropped, interrupted, failure)


def run_whole(frontend: FrameProcessor, sequence: Sequence, on_frame: OnFrame | None = None) -> RunResult:
    """As ``run_sequence``, for whom a part is of no use: what ended the run early goes on when it has ended."""
    result = run_sequence(frontend, sequence, on_frame)
    if result.interrupted:
        raise KeyboardInterrupt
    if result.failure is not None:
        raise result.failure
    return result


@contextmanager
def _seen_ahead(
    frontend: FrameProcessor, sequence: Sequence, pace: "_Pace | None"
) -> Iterator[Iterator[tuple[Frame, View]]]:
    """Frames and what they show, both made ahead: reading, extraction and tracking share the cores."""
    with prefetch(sequence, "frame reader", FRAMES_AHEAD) as frames:
        kept = pace.keep(frames) if pace else frames
        seen = ((frame, frontend.see(frame)) for frame in kept)
        with prefetch(seen, "extractor", 1 if pace else VIEWS_AHEAD) as views:
            yield views


class _RunLog:
    """A few numbers a frame, so that ten thousand frames weigh a few megabytes."""

    def __init__(self, clock: StageClock) -> None:
        self.timed_before = {name: len(ms) for name, ms in clock.milliseconds.items()}  # by another run's frames
        self.timestamps: list[float] = []
        self.T_world_cam: list[Array] = []
        self.references: dict[int, Reference | None] = {}  # by the index of the view
        self.rows: list[tuple[int, int, bool, bool, int, int, int]] = []

    def add(self, result: FrameResult) -> None:
        """Note what is to be known of a frame at the end."""
        view, estimate = result.view, result.estimate
        if self.timestamps and view.index <= self.rows[-1][0]:
            raise SequenceError(f"expected indices of frames that rise, found {view.index} after {self.rows[-1][0]}")
        self.T_world_cam.append(LOST_POSE if estimate.T_world_cam is None else estimate.T_world_cam)
        self.references.update({one.view.index: one.reference for one in (*result.earlier, result)})
        is_lost = estimate.state is TrackingState.LOST
        counts = len(view.keypoints), len(estimate.expected_ids), len(estimate.landmark_ids)
        self.rows.append((view.index, estimate.segment, is_lost, result.keyframe is not None, *counts))
        self.timestamps.append(view.timestamp)  # last: an interrupt in between leaves this row out

    def result(
        self,
        frontend: FrameProcessor,
        recording: str,
        skipped: tuple[str, ...],
        dropped: int,
        interrupted: bool,
        failure: Exception | None,
    ) -> RunResult:
        """All rows as arrays, the final poses read from the map as it is now."""
        count = len(self.timestamps)
        timestamps = np.array(self.timestamps, np.float64)
        columns = np.array(self.rows[:count], np.int64).reshape(count, 7).T
        final = [self._after_mapping(self.references[index], frontend.map) for index in columns[0].tolist()]
        return RunResult(
            recording=recording,
            indices=columns[0],
            online=Trajectory(timestamps, np.array(self.T_world_cam[:count], np.float64).reshape(count, 4, 4)),
            final=Trajectory(timestamps, np.array(final, np.float64).reshape(count, 4, 4)),
            segments=columns[1],
            is_lost=columns[2].astype(bool),
            is_keyframe=columns[3].astype(bool),
            num_keypoints=columns[4],
            num_expected=columns[5],
            num_inliers=columns[6],
            milliseconds=self._milliseconds(frontend.clock, count),
            skipped=skipped,
            dropped=dropped,
            interrupted=interrupted,
            failure=failure,
            points=frontend.map.point_cloud(),
            distortion=frontend.map.distortion,
        )

    def _milliseconds(self, clock: StageClock, count: int) -> dict[str, Array]:
        starts = {name: self.timed_before.get(name, 0) for name in clock.milliseconds}
        return {name: np.array(clock.milliseconds[name][start : start + count]) for name, start in starts.items()}

    @staticmethod
    def _after_mapping(reference: Reference | None, map: LocalMap) -> Array:
        if reference is None:
            return LOST_POSE
        keyframe_id, T_keyframe_cam = reference
        return np.asarray(map.poses[keyframe_id] @ T_keyframe_cam)


class _Pace:
    """Lets a recording play at the speed of its timestamps and counts what had to be left out."""

    def __init__(self) -> None:
        self.dropped = 0

    def keep(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames that are not yet overtaken by the next one, none before its time."""
        start, first, previous = time.perf_counter(), None, 0.0
        for frame in frames:
            if first is None:
                start, first, previous = time.perf_counter(), frame.timestamp, frame.timestamp
            lateness = time.perf_counter() - start - (frame.timestamp - first)
            interval, previous = frame.timestamp - previous, frame.timestamp
            if interval > 0 and lateness > interval:
                self.dropped += 1
                continue
            time.sleep(max(0.0, -lateness))
            yield frame
