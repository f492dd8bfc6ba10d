"""``slam-frontend train`` where its results can't be written."""

import os
from pathlib import Path

import cv2
import pytest

from tests.command_line import one_sentence, run_main


@pytest.mark.parametrize("stage", ["shapes", "magicpoint"])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "tiny.yaml").write_text(f"folder: {tmp_path}/file/run\nshapes: {{count: 2, validation: 2}}\n")
    assert run_main("train", stage, tmp_path / "tiny.yaml") == 2
    assert "can't be written" in one_sentence(capsys)


def test_a_contact_sheet_is_shown_in_the_colours_that_it_has(tmp_path: Path) -> None:
    assert run_main("train", "shapes", "--show", "--output", tmp_path / "new" / "sheet.png") == 0
    sheet = cv2.imread(os.fspath(tmp_path / "new" / "sheet.png"))
    assert sheet is not None and ((sheet[..., 2] > 150) & (sheet[..., 0] < 50)).any()  # orange names of the primitives
    assert not ((sheet[..., 0] > 150) & (sheet[..., 2] < 50)).any()


def test_a_contact_sheet_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run_main("train", "shapes", "--show", "--output", tmp_path / "file" / "sheet.png") == 2
    assert "can't be written" in one_sentence(capsys)
