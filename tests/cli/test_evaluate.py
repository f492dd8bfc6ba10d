"""``slam-frontend evaluate trajectory`` on files with known errors."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import run_main
from recordings import write_euroc
from synthetic import curved_path

from slam_frontend.trajectory import Trajectory, write_kitti, write_tum

Evaluate = Callable[..., int]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A truth, an estimate of twice its size and KITTI's files of both, in the working folder."""
    monkeypatch.chdir(tmp_path)
    truth = Trajectory(50 + np.arange(40) / 10, curved_path(40))
    double = truth.T_world_cam.copy()
    double[:, :3, 3] *= 2
    estimate = Trajectory(truth.timestamps, double)
    write_tum(truth, Path("truth.txt"))
    write_tum(estimate, Path("estimate.txt"))
    write_euroc(truth, Path("truth.csv"))
    write_kitti(truth, Path("truth_kitti.txt"))
    write_kitti(estimate, Path("estimate_kitti.txt"))
    Path("times.txt").write_text("".join(f"{t:.6f}\n" for t in truth.timestamps))
    return tmp_path


@pytest.fixture
def evaluate(files: Path) -> Evaluate:
    return partial(run_main, "evaluate", "trajectory")


def test_a_similarity_forgives_the_scale_and_names_it(evaluate: Evaluate, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("estimate.txt", "truth.txt", "--align", "sim3", "--json") == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["scale"] == pytest.approx(0.5, abs=1e-6)
    assert metrics["ate"]["rmse"] < 1e-6


def test_the_table_names_what_was_measured(evaluate: Evaluate, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("estimate.txt", "truth.txt") == 0
    printed = capsys.readouterr().out
    for words in ("SE(3)", "ATE rmse, m", "RPE a second, deg", "poses with a truth"):
        assert words in printed


def test_who_compares_metres_with_another_unit_is_told_of_it(
    evaluate: Evaluate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("estimate.txt", "truth.txt") == 0
    assert "estimate.txt would fit at 0.5 times its size: is it of one camera? --align sim3" in capsys.readouterr().err
    assert evaluate("estimate.txt", "truth.txt", "--align", "sim3") == 0
    assert evaluate("truth.txt", "truth.txt") == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("estimate.txt", "truth.csv"),
        ("estimate_kitti.txt", "truth_kitti.txt"),
        ("estimate.txt", "truth_kitti.txt", "--times", "times.txt"),
        ("estimate_kitti.txt", "truth.csv", "--times", "times.txt"),
    ],
)
def test_formats_mix(evaluate: Evaluate, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert evaluate(*arguments, "--align", "sim3", "--json") == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["associated"] == 40
    assert metrics["ate"]["rmse"] < 1e-6


def test_errors_a_second_of_kitti_files_are_those_of_their_times_and_without_them_unknown(
    evaluate: Evaluate, capsys: pytest.CaptureFixture[str]
) -> None:
    files = "estimate_kitti.txt", "truth_kitti.txt"
    per_second = ("rpe_translation_per_second", "rpe_rotation_deg_per_second")
    assert evaluate(*files, "--json") == 0
    metrics = json.loads(capsys.readouterr().out)
    assert [metrics[name] for name in ("duration", *per_second)] == [None, None, None]
    assert metrics["rpe_translation"]["count"] == 39
    assert evaluate(*files) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "RPE a second" in line]
    assert len(rows) == 2 and all(row.rstrip(" │|").endswith(" -") for row in rows)
    assert evaluate(*files, "--times", "times.txt", "--json") == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["duration"] == pytest.approx(3.9)
    assert [metrics[name]["count"] for name in per_second] == [30, 30]


@pytest.mark.parametrize("more", [(), ("--times", "times.txt")])
def test_kitti_files_of_different_lengths_are_matched_with_a_warning(
    evaluate: Evaluate, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    more = ("--align", "sim3", *more)
    assert evaluate("estimate_kitti.txt", "truth_kitti.txt", *more) == 0
    assert not capsys.readouterr().err
    rows = Path("estimate_kitti.txt").read_text().splitlines(keepends=True)
    Path("later_kitti.txt").write_text("".join(rows[10:]))
    assert evaluate("later_kitti.txt", "truth_kitti.txt", *more) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert "later_kitti.txt has 30 poses and truth_kitti.txt has 40: rows are matched from the first on" in warning


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("estimate.txt", "truth_kitti.txt"), "give --times"),
        (("missing.txt", "truth.txt"), "can't be read"),
        (("times.txt", "truth.txt"), "is no TUM"),
        (("estimate.txt", "truth.txt", "--align", "so3"), "so3"),
    ],
)
def test_a_mistake_is_explained_with_exit_code_2(
    evaluate: Evaluate, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert evaluate(*arguments) == 2
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed
