"""Which frames a recording yields, and what it says about the others."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slam_frontend.datasets.playback import Playback
from slam_frontend.errors import SequenceError
from slam_frontend.types import Camera, Frame, Sensor

IMAGE = np.zeros((48, 64), np.uint8)


class ListReader:
    """Gives back the frames of a list; a string in it is a complaint."""

    layout = "a list"

    def __init__(self, *entries: Frame | str, num_known: int | None = None) -> None:
        self.name, self.sensor, self.truth = "list", Sensor.RGBD, None
        self.camera = Camera(64, 48, 50, 50, 31.5, 23.5)
        self.entries = entries
        self.num_known = len(entries) if num_known is None else num_known
        self.asked: list[int] = []

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return False

    def __len__(self) -> int:
        return self.num_known

    def read(self, position: int) -> Frame | None:
        self.asked.append(position)
        if position >= len(self.entries):
            return None
        entry = self.entries[position]
        if isinstance(entry, str):
            raise SequenceError(entry)
        return entry


def frames(*timestamps: float) -> list[Frame]:
    return [Frame(index, timestamp, IMAGE) for index, timestamp in enumerate(timestamps)]


def test_start_stride_and_limit_keep_the_index_in_the_recording_and_read_nothing_else() -> None:
    reader = ListReader(*frames(*range(10)))
    playback = Playback(reader, start=2, limit=3, stride=3)
    assert [frame.index for frame in playback] == [2, 5, 8]
    assert reader.asked == [2, 5, 8]
    assert len(playback) == 3


def test_a_frame_that_cannot_be_read_is_skipped_and_said_once_a_pass() -> None:
    entries: list[Frame | str] = [*frames(0, 1, 2, 3)]
    entries[1] = "1.png: can't be decoded"
    playback = Playback(ListReader(*entries))
    for _ in range(2):
        assert [frame.index for frame in playback] == [0, 2, 3]
        assert playback.skipped == ["1.png: can't be decoded"]


@pytest.mark.parametrize(
    ("timestamps", "kept", "word"),
    [
        ((0, 1, 1, 2), [0, 1, 3], "same"),
        ((0, 2, 1, 3), [0, 2, 3], "later"),
        ((0, 1, 2, 0.5, 3), [0, 1, 2, 4], "earlier"),
        ((0, 1, 9e9, 2, 3), [0, 1, 3, 4], "later"),
        ((9e9, 1, 2), [1, 2], "later"),
        ((0, np.nan, 2), [0, 2], "nan"),
        ((0, 1, np.inf, 3), [0, 1, 3], "inf"),
    ],
)
def test_timestamps_that_do_not_rise_cost_that_frame_only(timestamps, kept, word) -> None:
    playback = Playback(ListReader(*frames(*timestamps)))
    assert [frame.index for frame in playback] == kept
    assert len(playback.skipped) == 1
    assert word in playback.skipped[0]


def test_a_frame_of_another_size_is_skipped_with_both_sizes_named() -> None:
    odd = Frame(1, 1.0, np.zeros((24, 32), np.uint8))
    playback = Playback(ListReader(frames(0)[0], odd, Frame(2, 2.0, IMAGE)))
    assert [frame.index for frame in playback] == [0, 2]
    assert "32x24" in playback.skipped[0]
    assert "64x48" in playback.skipped[0]


@pytest.mark.parametrize("odd", [np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint16)])
def test_a_frame_that_a_reader_of_somebody_else_gives_in_colour_or_other_bits_is_skipped(odd) -> None:
    playback = Playback(ListReader(frames(0)[0], Frame(1, 1.0, odd), Frame(2, 2.0, IMAGE)))
    assert [frame.index for frame in playback] == [0, 2]
    assert "expected image (48, 64) uint8, found (48, 64" in playback.skipped[0]


def test_depth_and_right_image_of_another_size_are_left_out_but_the_frame_stays() -> None:
    frame = replace(frames(0)[0], depth=np.ones((24, 32), np.float32), right=np.ones((48, 64), np.uint8))
    (played,) = Playback(ListReader(frame))
    assert played.depth is None
    assert played.right is not None


def test_a_recording_of_which_every_frame_fails_is_an_error_that_quotes_the_first() -> None:
    with pytest.raises(SequenceError, match=r"not one frame could be used; the first: a\.png"):
        list(Playback(ListReader("a.png: can't be decoded", "b.png: can't be decoded")))


def test_a_recording_of_unknown_length_plays_to_its_end() -> None:
    playback = Playback(ListReader(*frames(0, 1, 2), num_known=0))
    assert len(playback) == 0
    assert [frame.index for frame in playback] == [0, 1, 2]
    assert [frame.index for frame in Playback(ListReader(*frames(0, 1, 2), num_known=0), limit=2)] == [0, 1]


def test_a_recording_shorter_than_it_said_just_ends() -> None:
    assert len(list(Playback(ListReader(*frames(0, 1, 2), num_known=7)))) == 3


def test_what_may_be_a_live_camera_is_not_made_to_wait_for_its_next_frame() -> None:
    reader = ListReader(*frames(0, 1, 0.5, 3), num_known=0)
    seen = [(frame.index, len(reader.asked)) for frame in Playback(reader)]
    assert seen == [(0, 1), (1, 2), (3, 4)]


def test_of_many_skipped_frames_only_the_first_are_warned_of_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    playback = Playback(ListReader(*(f"{row}.png: can't be read" for row in range(40)), *frames(0)))
    with caplog.at_level(logging.INFO):
        assert len(list(playback)) == 1
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == [*(f"skipped: {row}.png: can't be read" for row in range(5)), "skipped: 35 more frames"]
    assert len(playback.skipped) == 40
    assert len(caplog.records) == 41


@pytest.mark.parametrize("window", [{"start": -1}, {"stride": 0}, {"limit": 0}, {"start": 3}])
def test_a_window_that_holds_no_frame_is_refused(window) -> None:
    with pytest.raises(SequenceError):
        Playback(ListReader(*frames(0, 1, 2)), **window)
