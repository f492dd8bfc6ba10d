"""The loop around the frontend: what it keeps, how it ends, what it leaves out."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from blas import blas_threads
from synthetic import SyntheticSequence, SyntheticWorld, curved_path
from threadpoolctl import threadpool_limits

from slam_frontend.errors import FrontendError, SequenceError
from slam_frontend.evaluation.trajectory import evaluate
from slam_frontend.frontend import Frontend
from slam_frontend.pipeline import _Pace, run_sequence, run_whole
from slam_frontend.prefetch import prefetch
from slam_frontend.types import Array, Features, Frame, FrameResult, Sensor


class Breaking(SyntheticSequence):
    """Fails after ten frames, as a disk does that is pulled out."""

    breaks_at = 10

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            if frame.index == self.breaks_at:
                raise SequenceError("the disk is gone")
            yield frame


class Joined(SyntheticSequence):
    """Two clips, one after the other, each numbered from 0."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            yield replace(frame, index=frame.index % 10)


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name in ("frame reader", "extractor", "reader")]


def test_a_known_walk_is_followed_with_depth(world, rgbd_run) -> None:
    assert rgbd_run.online.located.all()
    assert rgbd_run.indices.tolist() == list(range(len(world)))
    assert evaluate(rgbd_run.online, world.truth).ate.rmse < 0.02
    assert evaluate(rgbd_run.final, world.truth).ate.rmse < 0.02
    assert len(rgbd_run.points) > 50


def test_a_known_walk_is_followed_by_one_camera_up_to_scale(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world, Sensor.MONO)
    result = run_sequence(synthetic_frontend(sequence), sequence)
    assert result.online.located[-30:].all()
    assert not result.is_lost.any()
    for trajectory in (result.online, result.final):
        assert evaluate(trajectory, world.truth, "sim3").ate_percent < 2.5
    assert result.final.located.all()


def test_two_runs_are_identical_to_the_bit(world, synthetic_frontend, rgbd_run) -> None:
    sequence = SyntheticSequence(world)
    again = run_sequence(synthetic_frontend(sequence), sequence)
    assert again.online.T_world_cam.tobytes() == rgbd_run.online.T_world_cam.tobytes()
    assert again.final.T_world_cam.tobytes() == rgbd_run.final.T_world_cam.tobytes()


def test_working_ahead_gives_the_same_as_one_frame_after_the_other(world, synthetic_frontend, rgbd_run) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)
    poses = [frontend.process(frame).estimate.T_world_cam for frame in sequence]
    frontend.finish()
    assert np.stack(poses).tobytes() == rgbd_run.online.T_world_cam.tobytes()
    assert frontend.map.point_cloud().tobytes() == rgbd_run.points.tobytes()


def test_features_are_extracted_while_the_frame_before_is_tracked(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)
    seen, seen_ahead = [], []
    extract = frontend.extractor.extract
    frontend.extractor.extract = lambda image: (seen.append(len(seen)), extract(image))[1]

    def watch(frame: Frame, result: FrameResult) -> None:
        time.sleep(0.02)
        seen_ahead.append(len(seen) > frame.index + 1)

    run_sequence(frontend, sequence, on_frame=watch)
    assert sum(seen_ahead) > 0.8 * len(world)


def test_an_extractor_that_fails_ends_the_run_with_its_own_error(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)

    def fail(image: Array) -> None:
        raise RuntimeError("out of memory")

    frontend.extractor.extract = fail
    with pytest.raises(RuntimeError, match="out of memory"):
        run_sequence(frontend, sequence)
    assert not reader_threads()


def breaking_after_ten(frontend: Frontend, error: Exception) -> Frontend:
    """The frontend with an extractor that raises the error at its eleventh image."""
    extract, count = frontend.extractor.extract, itertools.count()

    def extract_or_raise(image: Array) -> Features:
        if next(count) == 10:
            raise error
        return extract(image)

    frontend.extractor.extract = extract_or_raise  # type: ignore[method-assign]
    return frontend


def test_an_extractor_that_is_lost_on_the_way_leaves_what_was_tracked(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world)
    lost = FrontendError("the process that extracts features has ended")
    result = run_sequence(breaking_after_ten(synthetic_frontend(sequence), lost), sequence)
    assert len(result.online) == 10 and result.online.located.all()
    assert result.failure is lost and not result.skipped


def test_an_error_that_nobody_foresaw_leaves_what_was_tracked_and_its_traceback_in_the_log(
    world, synthetic_frontend, caplog
) -> None:
    sequence = SyntheticSequence(world)

    def breaking() -> Frontend:
        return breaking_after_ten(synthetic_frontend(sequence), ValueError("no corners here"))

    result = run_sequence(breaking(), sequence)
    assert len(result.online) == 10 and result.online.located.all() and result.final.located.all()
    assert isinstance(result.failure, ValueError)
    (record,) = [record for record in caplog.records if "no corners here" in record.getMessage()]
    assert record.getMessage() == "ValueError: no corners here; the run ends after 10 frames"
    assert record.exc_info and record.exc_info[0] is ValueError
    assert not reader_threads()
    with pytest.raises(ValueError, match="no corners here"):
        run_whole(breaking(), sequence)


def test_a_blackout_is_lost_and_then_found_again(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world, blackout=range(20, 26))
    result = run_sequence(synthetic_frontend(sequence), sequence)
    assert result.is_lost[20:26].all()
    assert np.isnan(result.online.T_world_cam[20:26]).all()
    assert result.online.located[30:].all()
    assert evaluate(result.online, world.truth).ate.rmse < 0.02


def test_every_stage_is_timed_for_every_frame(world, rgbd_run) -> None:
    assert {"extract", "depth", "track", "map"} <= set(rgbd_run.milliseconds)
    assert {len(ms) for ms in rgbd_run.milliseconds.values()} == {len(world)}


def test_a_second_run_of_a_frontend_tells_its_own_times(world, synthetic_frontend) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)
    first = run_sequence(frontend, sequence)
    second = run_sequence(frontend, sequence)
    for name, ms in frontend.clock.milliseconds.items():
        np.testing.assert_array_equal(second.milliseconds[name], ms[len(world) :])
        assert len(first.milliseconds[name]) == len(second.milliseconds[name]) == len(world)


def test_matrices_have_one_thread_from_the_first_frame_to_the_last_adjustment(
    world, synthetic_frontend, monkeypatch
) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)
    finish, seen = frontend.finish, set()

    def look(*_: object) -> None:
        seen.update(blas_threads())

    monkeypatch.setattr(frontend, "finish", lambda: (look(), finish()))
    with threadpool_limits(2, user_api="blas"):
        run_sequence(frontend, sequence, on_frame=look)
    assert seen == {1}


def test_an_interrupt_keeps_what_was_tracked(world, synthetic_frontend) -> None:
    def interrupt(frame: Frame, result: FrameResult) -> None:
        if frame.index == 14:
            raise KeyboardInterrupt

    sequence = SyntheticSequence(world)
    result = run_sequence(synthetic_frontend(sequence), sequence, on_frame=interrupt)
    assert result.interrupted
    assert result.indices.tolist() == list(range(15))
    assert result.final.located.all()
    assert not reader_threads()


def test_an_interrupt_is_passed_on_to_whom_a_part_is_of_no_use(world, synthetic_frontend) -> None:
    def interrupt(frame: Frame, result: FrameResult) -> None:
        raise KeyboardInterrupt

    sequence = SyntheticSequence(world)
    with pytest.raises(KeyboardInterrupt):
        run_whole(synthetic_frontend(sequence), sequence, on_frame=interrupt)


def test_the_landmarks_expected_in_each_frame_are_counted(world, synthetic_frontend) -> None:
    sequence, expected = SyntheticSequence(world), []

    def note(frame: Frame, result: FrameResult) -> None:
        expected.append(len(result.estimate.expected_ids))

    result = run_sequence(synthetic_frontend(sequence), sequence, on_frame=note)
    assert result.num_expected.tolist() == expected


def test_an_interrupt_while_the_map_is_brought_up_to_date_keeps_everything(
    world, synthetic_frontend, monkeypatch
) -> None:
    sequence = SyntheticSequence(world)
    frontend = synthetic_frontend(sequence)
    finish, calls = frontend.finish, []

    def interrupted_once() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise KeyboardInterrupt
        finish()

    monkeypatch.setattr(frontend, "finish", interrupted_once)
    result = run_sequence(frontend, sequence)
    assert result.interrupted and len(calls) == 2
    assert result.final.located.sum() == len(world)


def test_a_recording_that_breaks_off_keeps_what_was_tracked_says_so_and_leaves_no_thread(
    world, synthetic_frontend, caplog
) -> None:
    sequence = Breaking(world)
    result = run_sequence(synthetic_frontend(sequence), sequence)
    assert len(result.online) == 10 and result.online.located.all()
    assert isinstance(result.failure, SequenceError) and not result.skipped
    assert "the disk is gone; the run ends after 10 frames" in caplog.messages
    assert not reader_threads()


def test_indices_that_do_not_rise_end_the_run_with_what_was_tracked(world, synthetic_frontend, caplog) -> None:
    sequence = Joined(world)
    result = run_sequence(synthetic_frontend(sequence), sequence)
    assert len(result.online) == 10
    assert isinstance(result.failure, SequenceError)
    assert "expected indices of frames that rise, found 0 after 9" in caplog.text


def test_a_recording_that_never_begins_is_an_error(world, synthetic_frontend) -> None:
    sequence = Breaking(world)
    sequence.breaks_at = 0
    with pytest.raises(SequenceError, match="disk is gone"):
        run_sequence(synthetic_frontend(sequence), sequence)
    assert not reader_threads()


def test_live_leaves_out_frames_that_are_overtaken(synthetic_frontend) -> None:
    world = SyntheticWorld(curved_path(15))
    sequence = SyntheticSequence(world)
    started = time.perf_counter()
    result = run_sequence(synthetic_frontend(sequence), sequence, on_frame=lambda *_: time.sleep(0.09), live=True)
    assert result.dropped > 0
    assert len(result.indices) + result.dropped == len(world)
    assert time.perf_counter() - started < 15 * 0.09


class FakeClock:
    """Stands in for the module ``time``: sleeping takes none."""

    def __init__(self) -> None:
        self.now = 7.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_frame_comes_at_its_time_or_late_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pace = FakeClock(), _Pace()
    monkeypatch.setattr("slam_frontend.pipeline.time", clock)
    seconds = {}
    for frame in pace.keep(Frame(index, 100 + 0.1 * index, np.zeros((1, 1), np.uint8)) for index in range(10)):
        seconds[frame.index] = clock.now - 7.0
        clock.sleep(0.35 if frame.index == 3 else 0.02)
    assert seconds == pytest.approx({0: 0, 1: 0.1, 2: 0.2, 3: 0.3, 6: 0.65, 7: 0.7, 8: 0.8, 9: 0.9})
    assert pace.dropped == 2


def test_the_longest_segment_is_the_one_with_the_most_poses(rgbd_run) -> None:
    segments: Array = np.repeat([0, 1, 2], [10, 35, 15])
    assert replace(rgbd_run, segments=segments).longest_segment.tolist() == (segments == 1).tolist()


def test_prefetch_reads_only_a_few_frames_ahead(world) -> None:
    read = []

    def frames() -> Iterator[Frame]:
        for index in range(50):
            read.append(index)
            yield world.frame(index)

    with prefetch(frames(), "reader", 4) as ahead:
        next(ahead)
        time.sleep(0.3)
        assert len(read) <= 7
    assert not reader_threads()


def test_whoever_waits_for_a_worker_that_was_stopped_does_not_wait_for_ever() -> None:
    """A reader hangs in its driver; who draws from it ends all the same."""
    hangs, drawn = threading.Event(), threading.Event()

    def frames() -> Iterator[int]:
        yield 0
        hangs.wait()

    def draw(ahead: Iterator[int]) -> None:
        list(ahead)
        drawn.set()

    with prefetch(frames(), "reader", 1) as ahead:
        next(ahead)
        threading.Thread(target=draw, args=(ahead,), daemon=True).start()
        assert not drawn.wait(0.3)
    assert drawn.wait(1.0)
    hangs.set()
