"""The command line as a user types it, in the process of the test."""

import sys
from collections.abc import Callable

import pytest

from slam_frontend.cli.main import main

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


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr, made sure to be one line without a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1, text
    return text
