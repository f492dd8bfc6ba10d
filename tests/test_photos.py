"""Photographs come from folders and tars alike, and what is none of them is said."""

import io
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets.pictures import list_pictures, read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.files import IMAGE_SUFFIXES
from slam_frontend.photos import decode_image, read_photos
from slam_frontend.types import Array


def photo(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 255, (60, 80), np.uint8)


def test_photographs_come_from_a_folder_or_a_tar_alike(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for name in ("b.png", "inner/a.png"):
        cv2.imwrite(str(folder / name), photo(len(name)))
    (folder / "notes.txt").write_text("no photograph")
    (folder / "broken.jpg").write_bytes(b"no photograph either")
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for file in folder.rglob("*.*"):
            info = tarfile.TarInfo(file.relative_to(folder).as_posix())
            info.size = file.stat().st_size
            archive.addfile(info, io.BytesIO(file.read_bytes()))
    caplog.clear()
    from_folder, from_tar = dict(read_photos(folder)), dict(read_photos(tmp_path / "photos.tar"))
    assert list(from_folder) == list(from_tar) == ["b.png", "inner/a.png"]
    np.testing.assert_array_equal(from_folder["b.png"], from_tar["b.png"])
    said = [record.message for record in caplog.records]
    assert said == [
        f"{tmp_path}/photos{kind}: broken.jpg is left out, for it can't be decoded as an image" for kind in ("", ".tar")
    ]


def test_what_is_only_named_like_a_photograph_is_left_out_with_a_warning(tmp_path: Path, caplog) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), photo())
    (tmp_path / "b.png").mkdir()
    cv2.imwrite(str(tmp_path / "b.png/inner.jpg"), photo())
    (tmp_path / "c.png").symlink_to(tmp_path / "nowhere.png")
    assert [name for name, _ in read_photos(tmp_path)] == ["a.png", "b.png/inner.jpg"]
    said = [f"{tmp_path}: {name} is left out, for it is no file" for name in ("b.png", "c.png")]
    assert [record.message for record in caplog.records] == said


def test_a_photograph_whose_header_claims_too_many_pixels_is_left_out_with_a_warning(tmp_path: Path, caplog) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), photo())
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    content = (tmp_path / "a.png").read_bytes()
    damaged = content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    (tmp_path / "b.png").write_bytes(damaged)
    assert [name for name, _ in read_photos(tmp_path)] == ["a.png"]
    assert "b.png is left out, for it can't be decoded as an image" in caplog.text
    with pytest.raises(SequenceError, match="b.png: can't be decoded as an image"):
        read_picture(tmp_path / "b.png")


@pytest.mark.parametrize("mode", [cv2.IMREAD_GRAYSCALE, cv2.IMREAD_COLOR])
def test_a_jpeg_that_was_cut_short_is_no_image_to_any_version_of_opencv(mode: int) -> None:
    content = cv2.imencode(".jpg", photo())[1].tobytes()
    assert decode_image(content, mode) is not None
    assert decode_image(content[: len(content) // 2], mode) is None
    thumbnail = cv2.imencode(".jpg", photo()[:16, :16])[1].tobytes()
    header = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert decode_image(content[:2] + header + content[2:], mode) is not None
    assert decode_image(content[:2] + header + content[2:-2], mode) is None


@pytest.mark.parametrize("bits", [12, 16])
def test_images_of_more_bits_keep_their_upper_eight(bits: int) -> None:
    values = np.linspace(0, 2**bits - 1, 64 * 48).reshape(48, 64).astype(np.uint16)
    content = cv2.imencode(".png", values)[1].tobytes()
    np.testing.assert_array_equal(decode_image(content, cv2.IMREAD_GRAYSCALE), values >> (bits - 8))
    in_colour = cv2.imencode(".png", np.dstack([values] * 3))[1].tobytes()
    assert decode_image(in_colour, cv2.IMREAD_COLOR).max() == 255
    np.testing.assert_array_equal(decode_image(content, cv2.IMREAD_ANYDEPTH), values)


def test_a_jpeg_with_a_video_behind_it_is_an_image(tmp_path: Path) -> None:
    """As phones keep moving photographs; its bytes hold every marker."""
    content = cv2.imencode(".jpg", photo())[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(content + b"\xff\xd9ftyp\xff\xdamp4")
    assert [name for name, _ in read_photos(tmp_path)] == ["a.jpg"]


def test_a_photograph_that_may_not_be_read_is_left_out_with_a_warning(tmp_path: Path, caplog, monkeypatch) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), photo())
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert [name for name, _ in read_photos(tmp_path)] == ["b.png"]
    assert "a.png is left out" in caplog.text


def test_a_limit_takes_photographs_evenly_from_all(tmp_path: Path) -> None:
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), photo(number))
    assert [name for name, _ in read_photos(tmp_path, 3)] == ["0.png", "3.png", "6.png"]
    assert len(list(read_photos(tmp_path, 99))) == 10


def test_no_photographs_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.tar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SequenceError, match="does not exist"):
        list(read_photos(tmp_path / "nowhere"))
    with pytest.raises(SequenceError, match="no photograph found"):
        list(read_photos(tmp_path / "empty"))
    with pytest.raises(SequenceError, match="neither a folder nor a readable tar") as caught:
        list(read_photos(tmp_path / "file.tar"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("mode", "order"), [("w", ["a.png", "b.png"]), ("w:gz", ["b.png", "a.png"])])
def test_photographs_come_by_name_but_of_a_compressed_tar_as_they_lie(tmp_path: Path, mode: str, order) -> None:
    with tarfile.open(tmp_path / "photos.tar", mode) as archive:  # type: ignore[call-overload]
        for name in ("b.png", "a.png"):
            cv2.imwrite(str(tmp_path / name), photo())
            archive.add(tmp_path / name, name)
    assert [name for name, _ in read_photos(tmp_path / "photos.tar")] == order


@pytest.mark.parametrize(("name", "mode", "length"), [("cut.tar", "w", 2000), ("cut.tgz", "w:gz", 40)])
def test_a_tar_that_was_cut_short_is_said_in_one_sentence(tmp_path: Path, name: str, mode: str, length: int) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), photo())
    with tarfile.open(tmp_path / "whole", mode) as archive:  # type: ignore[call-overload]
        archive.add(tmp_path / "a.png")
    (tmp_path / name).write_bytes((tmp_path / "whole").read_bytes()[:length])
    with pytest.raises(SequenceError, match=rf"{re.escape(name)}: can't be read to its end"):
        list(read_photos(tmp_path / name))


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def alter(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    return data[:middle] + bytes(byte ^ 0x5A for byte in data[middle : middle + 200]) + data[middle + 200 :]


@pytest.mark.parametrize("damage", [cut, alter])
@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_compressed_tar_that_was_damaged_is_said_in_one_sentence(
    tmp_path: Path, compression: str, damage: Callable[[bytes], bytes]
) -> None:
    whole = tmp_path / f"whole.tar.{compression}"
    with tarfile.open(whole, f"w:{compression}") as archive:
        for number in range(300):  # more than one block of bzip2
            info = tarfile.TarInfo(f"{number}.png")
            content = cv2.imencode(".png", photo(number))[1].tobytes()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    damaged = tmp_path / f"damaged.tar.{compression}"
    damaged.write_bytes(damage(whole.read_bytes()))
    with pytest.raises(SequenceError, match=rf"damaged\.tar\.{compression}: can't be read to its end .*copy the tar"):
        list(read_photos(damaged, 1))


def test_a_tar_with_a_damaged_header_does_not_end_there(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "whole.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(3):
            cv2.imwrite(str(tmp_path / f"{number}.png"), photo())
            archive.add(tmp_path / f"{number}.png", f"{number}.png")
    damaged = (tmp_path / "whole.tar").read_bytes().replace(b"1.png", b"x.png")
    (tmp_path / "damaged.tar").write_bytes(damaged)
    with pytest.raises(SequenceError, match=r"damaged\.tar: can't be read to its end \(no header at byte"):
        list(read_photos(tmp_path / "damaged.tar"))


def test_photographs_of_every_kind_of_file_are_found(tmp_path: Path) -> None:
    for suffix in IMAGE_SUFFIXES:
        (tmp_path / f"photo{suffix}").write_bytes(cv2.imencode(".png", photo())[1].tobytes())
    assert len(list(read_photos(tmp_path))) == len(list_pictures(tmp_path)) == len(IMAGE_SUFFIXES)
