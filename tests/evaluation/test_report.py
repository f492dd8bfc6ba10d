"""Scores as files, and the commands that write them."""

import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from slam_frontend.cli.features import register
from slam_frontend.errors import ConfigError, OutputError, SequenceError
from slam_frontend.evaluation.report import draw_bars, write_json


def evaluate() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def write_photos(folder: Path) -> Path:
    folder.mkdir()
    for seed in range(2):
        coarse = np.random.default_rng(seed).integers(0, 256, (24, 32), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{seed}.png"), cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_NEAREST))
    return folder


def test_what_can_not_be_measured_is_null_in_the_file(tmp_path: Path) -> None:
    write_json([{"extractor": "orb", "precision": np.nan, "pairs": 3}], {"seed": 1}, tmp_path / "new" / "scores.json")
    written = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert written == {"seed": 1, "scores": [{"extractor": "orb", "precision": None, "pairs": 3}]}


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        write_json([], {}, tmp_path / "file" / "scores.json")


def test_the_figure_is_an_image_even_where_a_column_is_empty(tmp_path: Path) -> None:
    draw_bars(["orb", "FAST"], {"rep.": [0.5, 0.4], "NN mAP": [np.nan, np.nan]}, "two", tmp_path / "scores.png")
    assert cv2.imread(str(tmp_path / "scores.png")) is not None


def test_names_in_the_figure_are_no_formulas(tmp_path: Path) -> None:
    draw_bars([r"superpoint=$\nonsense$"], {"rep.": [0.5]}, r"$\nonsense$: 2 pairs", tmp_path / "scores.png")
    assert cv2.imread(str(tmp_path / "scores.png")) is not None


def test_features_are_judged_on_warps_of_photographs_by_one_command(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    arguments = ["features", str(photos), "--features", "orb", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(evaluate(), arguments, catch_exceptions=False)
    assert result.exit_code == 0 and "photos: 2 pairs" in result.output
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())["scores"]
    assert [row["extractor"] for row in scores] == ["orb", "FAST", "Harris", "Shi-Tomasi"]
    assert scores[0]["homography_3px"] == 1.0 and scores[1]["homography_3px"] is None
    assert (tmp_path / "out" / "scores.png").exists()


@pytest.mark.parametrize("width", [60, 80])
def test_no_value_of_the_table_is_cut(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    photos = write_photos(tmp_path / "photos")
    arguments = ["features", str(photos), "--features", "binary-sift", "--out", str(tmp_path / "out")]
    lines = CliRunner().invoke(evaluate(), arguments, catch_exceptions=False).output.splitlines()
    values = [re.findall(r"\d\.\d{3}", line) for line in lines]
    assert max(map(len, values)) == 8
    if width == 80:
        assert max(map(len, lines[1:-1])) <= 80


def test_scores_that_are_there_already_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        CliRunner().invoke(evaluate(), ["detection", "--count", "5"], catch_exceptions=False)
    assert sorted(path.parent.name for path in tmp_path.rglob("scores.json")) == [
        "evaluate_detection",
        "evaluate_detection-2",
    ]


def test_a_folder_that_cannot_be_written_is_found_out_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="choose another folder"):
        CliRunner().invoke(
            evaluate(), ["features", "none", "--out", str(tmp_path / "file" / "out")], catch_exceptions=False
        )


def test_a_table_is_printed_even_where_no_figure_can_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = CliRunner().invoke(evaluate(), ["detection", "--count", "5", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert "Shi-Tomasi" in result.output and f"scores: {tmp_path}" in result.output
    assert (tmp_path / "scores.json").exists() and not (tmp_path / "scores.png").exists()
    assert "no scores.png: " in caplog.text and "slam-frontend[viewer]" in caplog.text


def test_detectors_are_judged_on_shapes_by_one_command(tmp_path: Path) -> None:
    arguments = ["detection", "--count", "20", "--out", str(tmp_path)]
    result = CliRunner().invoke(evaluate(), arguments, catch_exceptions=False)
    assert result.exit_code == 0
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    found = {(row["detector"], row["condition"]): row["mean_average_precision"] for row in scores}
    for name in ("FAST", "Harris", "Shi-Tomasi"):
        assert 0 < found[name, "noisy"] < found[name, "clean"] < 1


def test_what_the_user_got_wrong_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="does not exist"):
        CliRunner().invoke(evaluate(), ["features", str(tmp_path / "nowhere")], catch_exceptions=False)
    with pytest.raises(ConfigError, match="--limit 0"):
        CliRunner().invoke(evaluate(), ["features", str(tmp_path), "--limit", "0"], catch_exceptions=False)
