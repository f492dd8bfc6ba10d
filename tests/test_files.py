"""Files and the folders that they go to."""

from pathlib import Path

import pytest

from slam_frontend.errors import OutputError
from slam_frontend.files import free_folder, make_writable


def test_a_free_folder_is_one_that_nobody_used(tmp_path: Path) -> None:
    for expected in ("desk", "desk-2", "desk-3"):
        folder = free_folder(tmp_path, "desk")
        assert folder.name == expected
        folder.mkdir()


def test_a_writable_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    assert list(make_writable(tmp_path / "new" / "folder").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file/folder: can't be written to .*; choose another folder"):
        make_writable(tmp_path / "file" / "folder")
