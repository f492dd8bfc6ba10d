"""``slam-frontend evaluate features`` and ``detection``: what can't be measured is said first and leaves nothing."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import run_main

from slam_frontend.training.shapes import render


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the working one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here: Path) -> Path:
    """Two pictures of shapes."""
    rng = np.random.default_rng(0)
    (here / "photos").mkdir()
    for number in range(2):
        cv2.imwrite(str(here / "photos" / f"{number}.png"), render(rng, (120, 160)).image)
    return Path("photos")


@pytest.mark.parametrize("seed", [-1, 2**31, 2**70])
@pytest.mark.parametrize("command", ["evaluate features photos", "evaluate detection", "show heatmap photos/0.png"])
def test_a_seed_that_no_generator_takes_is_refused(photos: Path, command: str, seed: int, capsys) -> None:
    assert run_main(*command.split(), "--seed", seed) == 2
    said = capsys.readouterr().err
    assert "Invalid value for '--seed'" in said and "Traceback" not in said
