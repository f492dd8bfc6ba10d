"""The command line as a user types it, in the process of the test, and pictures to give to it."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.cli.main import main
from slam_frontend.training.shapes import render

Call = Callable[..., int]


def run_main(*arguments: object) -> int:
    """The exit code of ``slam-frontend`` with these arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["slam-frontend", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0


def draw_shapes(folder: Path, count: int) -> Path:
    """A new folder with so many pictures of shapes."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), render(rng, (120, 160)).image)
    return folder


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr, made sure to be one line without a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1, text
    return text
