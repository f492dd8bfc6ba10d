"""``slam-frontend bench``: what is measured goes onto the page, what isn't stays there."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import one_sentence, run_main

from slam_frontend.cli.benchmarks import clips, conditions, draws, extraction, processes, stages, starts, walks
from slam_frontend.cli.benchmarks.clips import REPLAY, Clip, open_clip
from slam_frontend.cli.benchmarks.contenders import find_contenders
from slam_frontend.cli.benchmarks.extraction import measure_speeds, networks_section
from slam_frontend.cli.benchmarks.page import read_sections, write_sections
from slam_frontend.cli.benchmarks.timing import in_turns
from slam_frontend.cli.benchmarks.trade_off import Choice, draw_trade_off, find_choices, read_choices, trade_off_section
from slam_frontend.datasets.rendered import RenderConfig
from slam_frontend.evaluation.features import FeatureScores
from slam_frontend.summary import StageTime
from slam_frontend.types import Sensor

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"


def test_parts_without_data_stay_as_they_were(tmp_path: Path, capsys) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    write_sections(page, {"Machine": "another", "Clips": "| of another day |"})
    assert run_main("bench", tmp_path, "--out", page, "--features", "orb", "--only", "clips", "--only", "quality") == 0
    sections = read_sections(page)
    assert sections["Clips"] == "| of another day |"
    assert sections["Machine"] == "another"
    said = capsys.readouterr().err
    assert "no clips; expected sequences/tum" in said and "no photographs; expected photos/val.tar" in said


def test_a_folder_that_is_none_is_refused_before_anything_is_measured(tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "file").write_text("no folder")
    for name in ("nowhere", "file"):
        assert run_main("bench", tmp_path / name, "--out", page, "--features", "orb") == 2
        assert f"{name}: is no folder; expected one with any of sequences/tum" in one_sentence(capsys)
    assert not page.exists()


def test_a_folder_without_any_data_is_named_at_once_where_that_matters(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(walks, "track_walks", lambda contenders: [])
    monkeypatch.setattr(stages, "measure_stages", lambda data, contenders: {})
    arguments = ("bench", tmp_path, "--out", tmp_path / "page.md", "--features", "orb")
    assert run_main(*arguments, "--only", "walks") == 0
    assert not capsys.readouterr().err
    assert run_main(*arguments, "--only", "walks", "--only", "stages") == 0
    assert "found none of sequences/tum" in one_sentence(capsys)
    (tmp_path / "sequences/kitti/sequences/07").mkdir(parents=True)
    assert run_main(*arguments, "--only", "walks", "--only", "stages") == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize("content", [b"# My notes\n\n## Machine\n\nmine\n", b"\xff\xd8 a picture"])
def test_a_file_that_is_no_page_of_benchmarks_is_left_alone(tmp_path: Path, capsys, content: bytes) -> None:
    page = tmp_path / "notes.md"
    page.write_bytes(content)
    assert run_main("bench", tmp_path, "--out", page, "--features", "orb", "--only", "clips") == 2
    assert "no page of benchmarks; choose another --out" in one_sentence(capsys)
    assert page.read_bytes() == content


def test_start_memory_and_stages_are_told_to_other_programs_too(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(processes, "measure_start", lambda sample: {"`import slam_frontend`": [0.02, 0.01]})
    monkeypatch.setattr(processes, "measure_memory", lambda data, sample: {"the sample": {"torch": 300.0}})
    timed = stages.Stages(500.0, {name: StageTime(1.0, 2.0) for name in stages.STAGES})
    monkeypatch.setattr(stages, "measure_stages", lambda data, contenders: dict.fromkeys(contenders, timed))
    parts = [word for part in ("start", "memory", "stages") for word in ("--only", part)]
    page = tmp_path / "page.md"
    assert run_main("bench", tmp_path, "--out", page, "--features", " orb", *parts, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["start"] == [{"of": "import slam_frontend", "seconds": [0.02, 0.01]}]
    assert told["memory"] == [{"run": "the sample", "megabytes": {"torch": 300.0}}]
    (row,) = told["stages"]
    assert row["features"] == "orb" and row["times"]["track"] == {"median": 1.0, "p95": 2.0}
    assert "| `import slam_frontend` | 0.01 s | 0.01 s |" in page.read_text()


def test_the_speed_of_networks_is_measured_without_any_data(monkeypatch, tmp_path: Path) -> None:
    for name, value in {"ROUNDS": 1, "NETWORK_ROUNDS": 1, "MATRIX": 64}.items():
        monkeypatch.setattr(extraction, name, value)
    monkeypatch.setattr(extraction, "SIZES", {"640x480": (96, 128), "1241x376": (64, 93)})
    contenders, notes = find_contenders(["orb", "superpoint-fast:float"])
    assert not notes
    speeds = measure_speeds(tmp_path, contenders)
    assert set(speeds.extraction["1241x376"]) == set(contenders)
    eager = speeds.networks["superpoint-fast", "eager torch", "float"]
    assert eager.wall >= eager.best > 0 and min(speeds.extraction_peak, speeds.networks_peak) > 0
    assert "| superpoint-fast | eager torch, float |" in networks_section(speeds)


def test_calls_take_turns_and_only_the_second_of_each_counts() -> None:
    called = []
    times = in_turns({name: lambda number, name=name: called.append((name, number)) for name in "ab"}, rounds=2)
    assert called == [(name, number) for number in (0, 1) for name in "aabb"]
    assert 0 <= times["a"].best <= times["a"].wall


def test_who_cannot_run_is_left_out_with_the_reason(monkeypatch, tmp_path: Path) -> None:
    contenders, notes = find_contenders(
        ["orb", f"superpoint:float={tmp_path}/none.pt", f"superpoint={tmp_path}/none.pt"]
    )
    assert list(contenders) == ["orb"]
    (note,) = notes
    assert "superpoint:float" in note and "none.pt: no such checkpoint" in note


def test_a_run_tells_when_its_first_pose_is_known(monkeypatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(processes, "REPETITIONS", 1)
    (seconds,) = processes._seconds_to_first_pose(SAMPLE, "openvino")
    assert 0.1 < seconds < 60


def test_stages_are_timed_one_frame_after_the_other(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stages, "CLIP", Clip("the sample", "sample", "rgbd", 6, ""))
    contenders, _ = find_contenders(["orb"])
    assert not stages.measure_stages(tmp_path, contenders)
    measured = stages.measure_stages(SAMPLE.parent, contenders)
    times = measured["orb"].times
    assert 100 < measured["orb"].num_keypoints <= 1000
    assert times["track"].median > 0 and times["all"].median > times["all but extract"].median > times["map"].median
    assert "| orb | " in stages.stages_section(measured)


def test_draws_of_a_clip_differ_by_their_keypoints_and_repeat(monkeypatch) -> None:
    clip = Clip("the sample", "sample", "rgbd", 12, "")
    sequence, frontend = open_clip(SAMPLE.parent, clip, REPLAY)
    views = {frame.index: frontend.see(frame) for frame in sequence}
    monkeypatch.setattr(draws, "COUNT", 3)

    def errors() -> list[float]:
        measured = draws.measure_draws(views, lambda: open_clip(SAMPLE.parent, clip, REPLAY))
        return [draw.ate.rmse for draw in measured]

    first = errors()
    assert len(set(first)) == 3 and max(first) < 0.01
    assert errors() == first
    monkeypatch.setattr(draws, "SHARE", 1.1)
    assert len(set(errors())) == 1


def test_extractors_stand_together_clip_by_clip(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(draws, "COUNT", 2)
    monkeypatch.setattr(clips, "MAX_RUNS", 1)
    monkeypatch.setattr(clips, "CLIPS", tuple(Clip(f"the first {n}", "sample", "rgbd", n, "") for n in (6, 8)))
    page = tmp_path / "page.md"
    assert run_main("bench", SAMPLE.parent, "--out", page, "--features", "orb,fast", "--only", "clips") == 0
    lines = [line for line in read_sections(page)["Clips"].splitlines() if line.startswith("| ")]
    located, times = ([line.strip("| ").split(" | ") for line in table] for table in (lines[:6], lines[6:]))
    for headings, _, *rows in (located, times):
        assert [row[:2] for row in rows] == [[f"the first {n}", name] for n in (6, 8) for name in ("orb", "fast")]
        assert {len(row) for row in rows} == {len(headings)}
    assert [row[2] for row in located[2:]] == ["6/6", "6/6", "8/8", "8/8"]
    assert all(float(cell) >= 0 for row in times[2:] for cell in row[2:])


def test_one_camera_begins_at_many_places_of_a_clip(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(draws, "COUNT", 2)
    monkeypatch.setattr(clips, "MAX_RUNS", 1)
    monkeypatch.setattr(clips, "CLIPS", (Clip("the sample", "sample", "mono", 50, ""),))
    page = tmp_path / "page.md"
    assert run_main("bench", SAMPLE.parent, "--out", page, "--features", "orb", "--only", "clips", "--json") == 0
    told = json.loads(capsys.readouterr().out)["clips"][0]["starts"]
    assert told["length"] == 40 and len(told["first_poses"]) == len(told["errors"]) == 3
    *_, row = [line for line in read_sections(page)["Clips"].splitlines() if line.startswith("| ")]
    clip, features, pieces, begun, first, error = row.strip("| ").split(" | ")
    assert (clip, features, pieces, begun) == ("the sample", "orb", "3", "3")  # from its frames 0, 5 and 10
    assert 2 <= float(first) < 40 and 0 < float(error) < 10


def test_a_piece_that_never_begins_counts_as_one_that_would_have_after_it(monkeypatch) -> None:
    clip = Clip("the sample", "sample", "mono", 14, "")
    sequence, frontend = open_clip(SAMPLE.parent, clip, REPLAY)
    views = {frame.index: frontend.see(frame).select(np.arange(20)) for frame in sequence}

    def open_piece(start: int, limit: int):
        return open_clip(SAMPLE.parent, replace(clip, limit=limit), REPLAY, start)

    monkeypatch.setattr(starts, "LENGTH", 8)
    measured = starts.measure_starts(views, open_piece)
    assert measured == starts.Starts(8, [None, None], [])
    assert measured.row() == ["2", "0", "9.0", "-"]
    monkeypatch.setattr(starts, "LENGTH", 40)  # more than there is
    measured = starts.measure_starts(views, open_piece)
    assert measured == starts.Starts(14, [None], [])


def test_worse_images_are_measured_beside_the_clips_own(monkeypatch, tmp_path: Path, pytestconfig) -> None:
    (tmp_path / "sequences/tum").mkdir(parents=True)
    (tmp_path / conditions.TUM).symlink_to(pytestconfig.rootpath / "sequences/sample")
    monkeypatch.setattr(conditions, "RGBD", replace(conditions.RGBD, limit=30))
    monkeypatch.setattr(starts, "LENGTH", 20)
    chosen = {name: conditions.CONDITIONS[name] for name in ("as they are", "dark")}
    monkeypatch.setattr(conditions, "CONDITIONS", chosen)
    page = tmp_path / "page.md"
    assert run_main("bench", tmp_path, "--out", page, "--features", "orb", "--only", "conditions") == 0
    rows = [line.strip("| ").split(" | ") for line in read_sections(page)["Worse images"].splitlines()[2:4]]
    assert [row[:2] for row in rows] == [["as they are", "orb"], ["dark", "orb"]]
    for _, _, located, error, begun, first_pose, _ in rows:
        assert located == "30/30" and float(error.split()[0]) < 0.02
        assert begun in ("1/2", "2/2") and 1 < float(first_pose) <= 21
    assert rows[0][3] != rows[1][3] and rows[0][4] == "2/2"


@pytest.mark.parametrize("name", list(conditions.CONDITIONS))
def test_a_condition_leaves_size_and_type_and_is_the_same_each_time(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    worse = conditions.CONDITIONS[name](image, 3)
    assert worse.shape == image.shape and worse.dtype == np.uint8
    np.testing.assert_array_equal(worse, conditions.CONDITIONS[name](image, 3))
    assert np.array_equal(worse, image) == (name == "as they are")


def test_walks_with_an_exact_truth_need_no_data(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(draws, "COUNT", 2)
    walk = RenderConfig(sensor=Sensor.STEREO, num_frames=25, seed=3)
    monkeypatch.setattr(walks, "WALKS", {"a short one": walk})
    page = tmp_path / "page.md"
    write_sections(page, {"Clips": "| of another day |"})
    assert run_main("bench", tmp_path, "--out", page, "--features", "orb,fast", "--only", "walks") == 0
    sections = read_sections(page)
    assert sections["Clips"] == "| of another day |"
    rows = [line for line in sections["Rendered walks"].splitlines() if line.startswith("| a short one |")]
    assert [row.split(" | ")[1] for row in rows] == ["orb", "fast"]
    for row in rows:
        _, _, located, online, final, drawn = row.strip("| ").split(" | ")
        assert located == "25/25"
        assert max(float(online.split()[0]), float(final.split()[0]), float(drawn.split()[0])) < 0.05


def test_the_picture_shows_what_was_measured_of_each(tmp_path: Path) -> None:
    choices = [
        Choice("orb", 9.0, 0.4, 5, 5, 0.99, 0.54),
        Choice("superpoint-fast:int8", 15.0, 0.38, 4, 5, None, None),
        Choice("superpoint:float", 600.0, None, 0, 0, 0.97, 0.66),
    ]
    draw_trade_off(choices, tmp_path / "new" / "p.png")
    picture = cv2.imread(str(tmp_path / "new" / "p.png"))
    assert picture.shape[1] > 1000 and len(np.unique(picture)) > 20
    section = trade_off_section(choices, "new/p.png")
    assert "![Accuracy against speed](new/p.png)" in section
    assert "| superpoint-fast:int8 | 15.0 | 0.38 | 4/5 | - | - |" in section
    assert read_choices(section) == choices


def test_what_is_measured_alone_joins_what_was_measured_earlier() -> None:
    earlier = [Choice("orb", 9.0, 0.4, 5, 5, 0.99, 0.54), Choice("sift", 60.0, 0.5, 5, 5, 0.97, 0.49)]
    scores = {name: FeatureScores(name, "all", 3, *[0.5] * 8) for name in ("orb", "fast")}
    orb, sift = find_choices(None, {}, scores, earlier)
    assert orb == Choice("orb", 9.0, 0.4, 5, 5, 0.5, 0.5) and sift == earlier[1]
