"""Which images and which pairs, as people write them."""

from pathlib import Path

import pytest

from slam_frontend.adapters.collection import (
    exhaustive_pairs,
    list_images,
    read_pairs,
    sequential_pairs,
)
from slam_frontend.errors import SequenceError

NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def test_images_are_listed_with_their_subfolders_in_the_order_people_count(photos: Path) -> None:
    (photos / ".hidden.jpg").write_bytes(b"")
    (photos / "notes.txt").write_text("no image")
    assert list_images(photos) == ("more/view1.jpg", "view2.jpg", "view10.jpg")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"no images found; expected files ending in \.png, \.jpg, \.jpeg, "):
        list_images(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos.tar").write_bytes(b"")
    with pytest.raises(SequenceError, match="nowhere: does not exist"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(SequenceError, match=r"photos\.tar: is no folder"):
        list_images(tmp_path / "photos.tar")


def test_sequential_pairs_reach_as_far_as_the_overlap() -> None:
    assert sequential_pairs(NAMES, 2) == [
        ("a.jpg", "b.jpg"),
        ("a.jpg", "c.jpg"),
        ("b.jpg", "c.jpg"),
        ("b.jpg", "d.jpg"),
        ("c.jpg", "d.jpg"),
    ]


def test_exhaustive_pairs_are_all_of_them_once() -> None:
    pairs = exhaustive_pairs(NAMES)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == 6


def test_a_file_of_pairs_may_repeat_itself_either_way_round(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("\ufeffb.jpg a.jpg\n\na.jpg b.jpg\nc.jpg d.jpg\n")  # as Windows begins it
    assert read_pairs(tmp_path / "pairs.txt", NAMES) == [("b.jpg", "a.jpg"), ("c.jpg", "d.jpg")]


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg b.jpg c.jpg", "a.jpg e.jpg", "a.jpg a.jpg"])
def test_a_wrong_line_of_pairs_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(f"a.jpg b.jpg\n{line}\n")
    with pytest.raises(SequenceError, match=r"pairs.txt, line 2: "):
        read_pairs(tmp_path / "pairs.txt", NAMES)
