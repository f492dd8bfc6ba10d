"""How a path becomes a recording, or a sentence."""

from pathlib import Path

import pytest

from slam_frontend import registry
from slam_frontend.datasets import Calibration, load_calibration, open_sequence
from slam_frontend.errors import PluginError, SequenceError
from slam_frontend.types import Camera, Frame, Sensor

COMPLETE = "{width: 64, height: 48, fx: 50, fy: 50, cx: 31.5, cy: 23.5}"


def test_a_missing_path_is_said() -> None:
    with pytest.raises(SequenceError, match=r"nowhere/at/all: no such folder or file"):
        open_sequence("nowhere/at/all")


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="is an empty folder"):
        open_sequence(tmp_path)


def test_a_folder_of_no_known_layout_is_told_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(SequenceError, match=r"no recording of a known layout.*rgb\.txt.*image_0.*mav0/cam0"):
        open_sequence(tmp_path)


def test_the_wrong_format_is_asked_about(tum_folder: Path) -> None:
    with pytest.raises(SequenceError, match=r"Is this a recording in the kitti format\? Other layouts: --format tum"):
        open_sequence(tum_folder, format="kitti")


def test_an_unknown_format_names_the_known_ones(tum_folder: Path) -> None:
    with pytest.raises(PluginError, match="no sequence format is called 'bag'; there are tum, kitti"):
        open_sequence(tum_folder, format="bag")


def test_auto_is_a_format_too(tum_folder: Path) -> None:
    assert open_sequence(tum_folder, format="auto").sensor == Sensor.RGBD


def test_paths_may_be_strings(tum_folder: Path) -> None:
    assert len(open_sequence(str(tum_folder))) == 6


def test_a_start_past_the_end_is_said(tum_folder: Path) -> None:
    with pytest.raises(SequenceError, match="has 6 frames, so none is left from --start 6"):
        open_sequence(tum_folder, start=6)


class BagReader:
    """What a third party would write."""

    layout = "a file that ends in .bag"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return path.suffix == ".bag"

    def __init__(self, path, sensor, calibration, colour) -> None:
        self.name, self.sensor, self.truth = path.stem, Sensor.MONO, None
        self.camera = Camera(4, 3, 1, 1, 1.5, 1)

    def __len__(self) -> int:
        return 1

    def read(self, position: int) -> Frame:
        import numpy as np

        return Frame(position, 0.0, np.zeros((3, 4), np.uint8))


class Point:
    """Stands in for an installed entry point."""

    value = "bags:BagReader"

    def __init__(self, name: str, loaded: object) -> None:
        self.name, self.loaded = name, loaded

    def load(self) -> object:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_a_third_partys_format_is_recognised_and_a_broken_one_does_not_hinder_it(tmp_path, monkeypatch) -> None:
    points = [Point("broken", ImportError("no module bags")), Point("bag", BagReader)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if "sequences" in group else [])
    (tmp_path / "walk.bag").write_bytes(b"")
    assert [frame.image.shape for frame in open_sequence(tmp_path / "walk.bag")] == [(3, 4)]
    assert open_sequence(tmp_path / "walk.bag", format="bag").name == "walk"


def test_a_plugin_that_is_no_reader_is_left_out_with_a_warning(tmp_path, monkeypatch, caplog) -> None:
    class Half:
        layout = "half a reader"

    class Unbound(BagReader):
        def recognises(self, path):  # lacks @classmethod
            return True

    points = [Point("half", Half), Point("unbound", Unbound), Point("bag", BagReader)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if "sequences" in group else [])
    (tmp_path / "walk.bag").write_bytes(b"")
    assert open_sequence(tmp_path / "walk.bag").name == "walk"
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    for name, sentence in zip(("half", "unbound"), said, strict=True):
        assert sentence.startswith(f"the sequence format '{name}' isn't a reader of recordings (")
        assert sentence.endswith("; its format is left out")
    with pytest.raises(PluginError, match="'half' isn't a reader of recordings .*recognises"):
        open_sequence(tmp_path / "walk.bag", format="half")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{width: 64}", r"c\.yaml: height"),
        (COMPLETE.replace("fx: 50", "fx: -50"), r"c\.yaml: fx"),
        (COMPLETE.replace("fx: 50", "fx: wide"), r"c\.yaml: fx"),
        (
            "{width: 320, height: 240, fx: 0.82, fy: 1.09, cx: 0.5, cy: 0.5}",
            r"c\.yaml: fx: expected pixels, and the width is 320; normalised intrinsics are .* \(found 0\.82\)$",
        ),
        (COMPLETE.replace("fy: 50", "fy: 0.9"), r"c\.yaml: fy: expected pixels, and the height is 48"),
        (COMPLETE.replace("fx: 50", "fx: .inf"), r"c\.yaml: fx: .*finite"),
        (COMPLETE.replace("cy: 23.5", "cy: .nan"), r"c\.yaml: cy: .*finite"),
        (COMPLETE.replace("}", ", distortion: [.nan, 0, 0, 0]}"), r"c\.yaml: distortion\.0: .*finite"),
        (
            COMPLETE.replace("cx: 31.5", "cx: 319.5"),
            r"c\.yaml: cx: the principal point lies outside the image, whose width is 64",
        ),
        (COMPLETE.replace("cy: 23.5", "cy: -1"), r"c\.yaml: cy: .*whose height is 48 \(found -1"),
        (COMPLETE.replace("fx:", "focal: 1, fx:"), "focal is unknown"),
        (COMPLETE.replace("}", ", distortion: [0.1, 0.2]}"), "k1 k2 p1 p2"),
        (
            "image_width: 64\ncamera_matrix: {rows: 3, cols: 3}",
            "c.yaml: width, height, fx, fy, cx, cy not found; expected the keys width, height, fx, fy, cx, cy, "
            "found image_width, camera_matrix$",
        ),
        ("", "c.yaml: width.* not found; .*, found none$"),
        ("- 1", "c.yaml: width.* not found; .*, found none$"),
        ("width: [", r"^[^\n]*c\.yaml, line 1: is not valid YAML \([^\n]*\); it holds the camera's calibration$"),
        ("%YAML:1.0\n---\nK: !!opencv-matrix\n  rows: 3", r"c\.yaml, line 3: is not valid YAML \([^\n]*opencv-matrix"),
        ("# k\x00che", r"c\.yaml: is not valid YAML"),
    ],
)
def test_a_broken_camera_file_is_said_with_its_key(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(SequenceError, match=message):
        load_calibration(tmp_path / "c.yaml")


def test_a_camera_file_may_have_the_header_of_opencv(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("%YAML:1.0\n---\n" + COMPLETE)
    assert load_calibration(tmp_path / "c.yaml").fx == 50


def test_a_camera_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"# k\xfcche\n" + COMPLETE.encode())
    with pytest.raises(SequenceError, match=r"c\.yaml: is not text in UTF-8"):
        load_calibration(tmp_path / "c.yaml")


def test_a_missing_camera_file_is_said(tmp_path: Path, tum_folder: Path) -> None:
    with pytest.raises(SequenceError, match=r"c\.yaml: no such camera file"):
        open_sequence(tum_folder, camera=tmp_path / "c.yaml")


def test_a_camera_file_becomes_a_camera(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(COMPLETE.replace("}", ", distortion: [0.1, 0, 0, 0], baseline: 0.1}"))
    found = load_calibration(tmp_path / "c.yaml")
    assert isinstance(found, Calibration)
    assert found.camera == Camera(64, 48, 50, 50, 31.5, 23.5, (0.1, 0, 0, 0), 0.1)


def test_a_reader_that_offers_another_sensor_than_asked_for_is_named(tmp_path, monkeypatch) -> None:
    points = [Point("bag", BagReader)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if "sequences" in group else [])
    (tmp_path / "walk.bag").write_bytes(b"")
    with pytest.raises(SequenceError, match="--sensor rgbd was asked for, but its reader offers mono"):
        open_sequence(tmp_path / "walk.bag", sensor="rgbd")
    with pytest.raises(SequenceError, match="bag: "):
        open_sequence(tmp_path)
