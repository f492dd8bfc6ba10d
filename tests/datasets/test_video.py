"""Videos in Matroska, which states a duration and a usual rate, and each frame's own time, but no number of frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets import Calibration, open_sequence
from slam_frontend.datasets.video import _grab_frames

EVEN_MS = [0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 367]  # 30 frames a second
UNEVEN_MS = [0, 33, 67, 100, 133, 167, 267, 367, 467, 567, 667, 767]  # then 10: as telephones film in the dark


@pytest.fixture
def untimed() -> Calibration:
    """For pictures of 64x48; it states no fps, so that the video's own times count."""
    return Calibration(width=64, height=48, fx=50, fy=51, cx=31.5, cy=23.5)


def element(name: str, content: bytes | int) -> bytes:
    """One of Matroska's elements, named by its id in hexadecimal digits."""
    content = content.to_bytes(8, "big") if isinstance(content, int) else content
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


def write_matroska(path: Path, times_ms: list[int], fps: float, duration_ms: float) -> Path:
    """Frames of 64x48, each brighter than the last by 20, at their own times; ``fps`` is the usual rate."""
    picture = element("b0", 64) + element("ba", 48)  # width and height
    track = element("d7", 1) + element("73c5", 1) + element("83", 1) + element("86", b"V_MJPEG")
    track += element("23e383", round(1e9 / fps)) + element("e0", picture)
    info = element("2ad7b1", 1_000_000) + element("4489", np.array(duration_ms, ">f8").tobytes())
    blocks = element("e7", 0)
    for row, moment in enumerate(times_ms):
        jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 20 * row, np.uint8))[1].tobytes()
        blocks += element("a3", b"\x81" + moment.to_bytes(2, "big") + b"\x80" + jpeg)
    segment = element("1549a966", info) + element("1654ae6b", element("ae", track)) + element("1f43b675", blocks)
    path.write_bytes(element("1a45dfa3", element("4282", b"matroska")) + element("18538067", segment))
    return path


@pytest.mark.parametrize(
    ("times_ms", "fps", "stated"),
    [(EVEN_MS, 10, 4), (UNEVEN_MS, 30, 24), (UNEVEN_MS, 15, 12)],
    ids=["header guesses too few", "header guesses too many", "header guesses right"],
)
def test_all_frames_come_at_their_own_times_whatever_the_header_guesses(
    tmp_path: Path, untimed, caplog, times_ms: list[int], fps: float, stated: int
) -> None:
    path = write_matroska(tmp_path / "clip.mkv", times_ms, fps, duration_ms=times_ms[-1] + 33)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == stated
    sequence = open_sequence(path, camera=untimed)
    assert sequence.indices == range(12)
    for _ in range(2):
        frames = list(sequence)
        np.testing.assert_allclose([frame.timestamp for frame in frames], np.array(times_ms) / 1000, atol=1e-9)
        np.testing.assert_allclose([frame.image.mean() for frame in frames], 20 * np.arange(12), atol=2)
    assert (sequence.skipped, caplog.records) == ([], [])


def test_start_and_stride_leave_the_times_as_they_are(tmp_path: Path, untimed) -> None:
    path = write_matroska(tmp_path / "clip.mkv", UNEVEN_MS, 30, duration_ms=800)
    sequence = open_sequence(path, camera=untimed, start=3, stride=4)
    for _ in range(2):
        assert [(frame.index, round(1000 * frame.timestamp)) for frame in sequence] == [(3, 100), (7, 367), (11, 767)]


def test_the_fps_of_the_calibration_win_over_the_containers_times(tmp_path: Path, calibration) -> None:
    path = write_matroska(tmp_path / "clip.mkv", UNEVEN_MS, 30, duration_ms=800)
    times = [frame.timestamp for frame in open_sequence(path, camera=calibration)]
    np.testing.assert_allclose(times, np.arange(12) / 10)


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([0.0] * 12, np.arange(12) / 25),
        ([-4e20] * 12, np.arange(12) / 25),
        ([*range(40, 480, 40), 0], np.arange(1, 13) / 25),
        (
            [0, 1000, 1000, 1000, 1020, 1030, *range(1100, 1700, 100)],
            [0, 1, 1.04, 1.08, 1.12, 1.16, 1.2, 1.24, 1.3, 1.4, 1.5, 1.6],
        ),
    ],
    ids=["no times", "no times, as OpenCV 4.10 has it", "none for the last", "some stand still"],
)
def test_where_the_containers_times_do_not_rise_the_frames_are_evenly_spaced(
    tmp_path: Path, untimed, monkeypatch, moments: list[float], expected
) -> None:
    path = write_matroska(tmp_path / "clip.mkv", EVEN_MS, 25, duration_ms=400)
    open_capture = cv2.VideoCapture

    class Untimed:
        def __init__(self, *arguments) -> None:
            self.capture, self.moments = open_capture(*arguments), iter(moments)

        def get(self, key: int) -> float:
            return next(self.moments) if key == cv2.CAP_PROP_POS_MSEC else self.capture.get(key)

        def __getattr__(self, name: str):
            return getattr(self.capture, name)

    monkeypatch.setattr(cv2, "VideoCapture", Untimed)
    times = [frame.timestamp for frame in open_sequence(path, camera=untimed)]
    np.testing.assert_allclose(times, expected)


def test_a_file_that_ends_long_before_its_duration_is_said_to(tmp_path: Path, untimed, caplog) -> None:
    path = write_matroska(tmp_path / "clip.mkv", EVEN_MS, 30, duration_ms=3000)
    assert len(list(open_sequence(path, camera=untimed))) == 12
    assert [r.message for r in caplog.records] == [f"{path}: ends after 0.4 of 3.0 seconds; was it cut short?"]


def test_a_damaged_frame_counts_as_one_that_came(caplog) -> None:
    class Damaged:
        def __init__(self) -> None:
            self.grabs = iter([True, False, True, True])

        def grab(self) -> bool:
            return next(self.grabs, False)

        def get(self, _key: int) -> float:
            return 40.0

    assert list(_grab_frames(Damaged(), 4, Path("clip.avi"))) == [0.04, None, 0.04, 0.04]
    assert caplog.records == []
