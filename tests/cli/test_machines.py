"""What other programs rely on: JSON alone on stdout where asked for, and no bar where nobody watches."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import draw_shapes, run_main

from slam_frontend.cli.benchmarks import clips
from slam_frontend.cli.benchmarks.clips import Clip
from slam_frontend.cli.progress import progress_bar, watched
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
TINY_TRAINING = """
folder: run
photos: [photos]
validation_count: 2
photo_size: [64, 96]
network: {blocks: [[2, 4], [4, 4], [4, 4]], stem_stride: 2, head: 8, descriptor_dim: 8}
shapes: {count: 8, validation: 4, size: [48, 64]}
magicpoint: {loop: {steps: 2, batch: 2, size: [48, 64], validations: 1}}
label: {homographies: 2, batch: 2, count: 20, shard: 4, threshold: 1.0e-4}
joint: {loop: {steps: 2, batch: 2, size: [48, 64], validations: 1}}
"""

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command with --json in an empty folder: what it printed, which is JSON and nothing else."""
    monkeypatch.chdir(tmp_path)

    def ask_main(*arguments: object) -> dict[str, Any]:
        capsys.readouterr()
        assert run_main(*arguments, "--json") == 0
        printed = capsys.readouterr()
        assert printed.err in ("", "results, pictures and map: run\n")  # no bar where nobody watches
        values = json.loads(printed.out)
        assert isinstance(values, dict)
        return values

    return ask_main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures of shapes."""
    return draw_shapes(tmp_path / "photos", 5)


def test_features_are_judged(ask: Ask, photos: Path) -> None:
    printed = ask("evaluate", "features", photos, "--features", "orb", "--limit", 2, "--out", "out")
    assert printed["scores"] == json.loads(Path("out/scores.json").read_text())["scores"]
    assert printed["scores"][0]["extractor"] == "orb"
    assert printed["folder"] == "out"


def test_detectors_are_judged(ask: Ask) -> None:
    printed = ask("evaluate", "detection", "--features", "orb", "--count", 4, "--out", "out")
    assert {score["condition"] for score in printed["scores"]} == {"clean", "noisy"}


def test_a_benchmark(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clip = Clip("sample", "sample", "rgbd", 6, "all located")
    monkeypatch.setattr(clips, "CLIPS", (clip,))
    shutil.copytree(SAMPLE, tmp_path / "sample")
    printed = ask("bench", tmp_path, "--features", "orb", "--only", "clips", "--out", "page.md")
    (row,) = printed["clips"]
    assert (row["clip"], row["features"], row["located"]) == ("sample", "orb", 6)
    assert "| sample | orb | 6/6 |" in Path(printed["page"]).read_text()


def test_a_calibration(ask: Ask) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    printed = ask("calibrate", SAMPLE, "found.yaml", "--features", "orb", "--limit", 60)
    assert printed["file"] == "found.yaml" and Path("found.yaml").exists()
    assert printed["camera"]["fx"] == pytest.approx(262.4, rel=0.02) and printed["error"] < 1


def test_exports_of_images(ask: Ask, photos: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed: pip install slam-frontend[hloc]")
    printed = ask("export", "hloc", photos, "out", "--features", "orb", "--overlap", 1)
    assert (printed["folder"], printed["images"], printed["pairs"], printed["skipped"]) == ("out", 5, 4, [])
    assert ask("export", "hloc", photos, "out", "--features", "orb", "--overlap", 1)["stood_already"]


def test_the_export_for_rtabmap(ask: Ask) -> None:
    printed = ask("export", "rtabmap", "scripts")
    assert Path(printed["detector"]).exists() and Path(printed["matcher"]).exists()
    assert printed["detector"] in printed["parameters"]


def test_exports_of_a_run(ask: Ask) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    assert ask("run", SAMPLE, "--limit", 10, "--features", "orb", "--out", "run", "--tracks")["located"] == 10
    printed = ask("export", "tracks", "run")
    assert printed["sights"] == len(Path(printed["file"]).read_text().splitlines()) - 1
    assert ask("export", "colmap-model", "run", "model")["images"] > 0


def test_exports_of_a_network(ask: Ask) -> None:
    save_checkpoint(Path("net.pt"), SuperPoint(FAST), Card(name="net", network=FAST))
    printed = ask("export", "torchscript", "net.ts", "--weights", "net.pt")
    assert Path(printed["file"]).exists()
    assert printed["largest_difference"] < 1e-3


def test_every_stage_of_training(ask: Ask, photos: Path) -> None:
    Path("tiny.yaml").write_text(TINY_TRAINING)
    assert Path(ask("train", "shapes", "--show", "--output", "sheet.png")["sheet"]).exists()
    assert ask("train", "shapes", "tiny.yaml") == {"folder": "run", "shapes": 8, "stood_already": False}
    assert ask("train", "shapes", "tiny.yaml")["stood_already"]
    assert Path(ask("train", "magicpoint", "tiny.yaml")["checkpoint"]).exists()
    assert ask("train", "label", "tiny.yaml")["photographs"] == 5
    assert ask("train", "superpoint", "tiny.yaml", "--minutes", 0) == {"done": False, "checkpoint": None}
    assert Path(ask("train", "all", "tiny.yaml")["checkpoint"]).exists()
    shipped = Path(ask("train", "ship", "tiny.yaml", "--into", "theirs", "--notes", "tiny")["checkpoint"])
    assert shipped.parent == Path("theirs") and shipped.with_suffix(".onnx").exists()
    assert json.loads(shipped.with_suffix(".json").read_text())["notes"] == "tiny"


def test_a_bar_is_drawn_on_a_terminal_and_leaves_nothing_on_stdout(tmp_path: Path) -> None:
    shutil.copy(SAMPLE / "rgb" / "0.000000.jpg", tmp_path / "image.jpg")
    code = "from slam_frontend.cli.main import main; main()"
    command = [sys.executable, "-c", code, "show", "features", "image.jpg", "--features", "orb,sift", "--json"]
    terminal, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        shown = read_all(terminal)
        assert process.stdout is not None
        printed = json.loads(process.stdout.read())
    assert "extractors" in shown
    assert "2/2" in shown
    assert [one["name"] for one in printed["extractors"]] == ["orb", "sift"]


def read_all(terminal: int) -> str:
    """What a process writes to a terminal until it ends."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux's way to say that nobody writes any more
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


def test_items_are_told_one_by_one() -> None:
    told: list[tuple[str, int, int]] = []
    items = list(watched("ab", "letters", lambda *word: told.append(word)))
    assert items == ["a", "b"]
    assert told == [("letters", 0, 2), ("letters", 1, 2), ("letters", 2, 2)]


def test_work_of_unknown_length_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as watch:
        watch("work", 0, 0)
        watch("work", 5, 0)
    assert capsys.readouterr() == ("", "")
