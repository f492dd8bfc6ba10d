"""Files and the folders that they go to."""

from pathlib import Path
from typing import BinaryIO

import pytest

from slam_frontend.errors import OutputError
from slam_frontend.files import free_folder, make_writable, natural_order, write_atomically


def test_names_are_in_the_order_people_count() -> None:
    names = ["view10.jpg", "2/view9.jpg", "view2.jpg", "10/a.jpg", "2²3.jpg"]
    assert sorted(names, key=natural_order) == ["2/view9.jpg", "2²3.jpg", "10/a.jpg", "view2.jpg", "view10.jpg"]


def test_a_free_folder_is_one_that_nobody_used(tmp_path: Path) -> None:
    for expected in ("desk", "desk-2", "desk-3"):
        folder = free_folder(tmp_path / "runs", "desk")
        assert folder.name == expected
        assert folder.is_dir(), "or two that ask at once get the same"


def test_a_writable_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    assert list(make_writable(tmp_path / "new" / "folder").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file/folder: can't be written to .*; choose another folder"):
        make_writable(tmp_path / "file" / "folder")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 704 vs 598")])
def test_a_write_that_fails_leaves_the_old_file(error: Exception, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(OutputError, match="last.pt: can't be written .(No space|unexpected pos)"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made_for_a_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "one.txt", "text")
    assert (tmp_path / "new" / "one.txt").read_text() == "text"
