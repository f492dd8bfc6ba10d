"""Photographs of a folder or a tar file, one after the other, and how they are brought to one size."""

import io
import logging
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.files import IMAGE_SUFFIXES, images_below
from slam_frontend.optional import require
from slam_frontend.types import Array

try:
    from lzma import LZMAError
except ImportError:  # Python can be built without
    LZMAError = tarfile.CompressionError  # type: ignore[misc, assignment]

logger = logging.getLogger(__name__)


def read_photos(path: Path, limit: int | None = None) -> Iterator[tuple[str, Array]]:
    """Name and (H,W) uint8 grey image of every photograph, in the order of their names; a warning for each
    that doesn't decode.

    ``limit`` takes so many of them, evenly from all.
    """
    if not path.exists():
        raise SequenceError(f"{path}: does not exist; expected a folder or a tar file of photographs")
    if not path.is_dir() and not _is_tar(path):
        raise SequenceError(f"{path}: is neither a folder nor a readable tar file; name one with photographs in it")
    cv2 = require("cv2", extra="train")
    found = False
    for name, data in _read_folder(path, limit) if path.is_dir() else _read_tar(path, limit):
        image = decode_image(data, cv2.IMREAD_GRAYSCALE)
        if image is None:
            logger.warning("%s: %s is left out, for it can't be decoded as an image", path, name)
            continue
        found = True
        yield name, image
    if not found:
        raise SequenceError(f"{path}: no photograph found; expected files ending in {', '.join(IMAGE_SUFFIXES)}")


def decode_image(data: bytes, mode: int) -> Array | None:
    """The image in a file's bytes, by a mode of OpenCV; None where there is none, or not all of it, or one that OpenCV
    finds too large, as a damaged header may make it.

    Of 16 bits the upper 8 are kept, or of 12 where no value needs more: cameras of 12 bits store them so.
    """
    cv2 = require("cv2", extra="train")
    if not data or _is_cut_short(data):
        return None
    try:
        image: Array | None = cv2.imdecode(np.frombuffer(data, np.uint8), mode | cv2.IMREAD_ANYDEPTH)
        if image is None or image.dtype == np.uint8 or mode & cv2.IMREAD_ANYDEPTH:
            return image
        if image.dtype != np.uint16:
            return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), mode))
    except cv2.error:
        return None
    return np.asarray(image >> (4 if image.max() < 2**12 else 8), np.uint8)


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG has no end marker after its header, in which a thumbnail may have one of its own; OpenCV 4 fills
    what is missing with grey. Phones append videos after the end."""
    if data[:2] != b"\xff\xd8":
        return False
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":  # segments before the scan
        is_fill = data[place + 1 : place + 2] == b"\xff"
        place += 1 if is_fill else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data.find(b"\xff\xd9", place) < 0


def fit_image(image: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """The image resized to cover (height, width) and cropped around its centre, with the (3,3) map of its pixels."""
    cv2 = require("cv2", extra="train")
    factor = max(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(round(n * factor), least) for n, least in zip(image.shape, size, strict=True))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, (width, height), interpolation=interpolation)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    cropped = resized[top : top + size[0], left : left + size[1]]
    sx, sy = width / image.shape[1], height / image.shape[0]
    # A pixel's centre is half a pixel from the image's edge at either size.
    A = np.array([[sx, 0, 0.5 * sx - 0.5 - left], [0, sy, 0.5 * sy - 0.5 - top], [0, 0, 1]])
    return np.ascontiguousarray(cropped), A


def _read_folder(path: Path, limit: int | None) -> Iterator[tuple[str, bytes]]:
    files = images_below(path)
    for row in _evenly(len(files), limit):
        try:
            content = files[row].read_bytes()
        except OSError:
            content = b""  # such as nobody decodes
        yield files[row].relative_to(path).as_posix(), content


def _is_tar(path: Path) -> bool:
    with _explaining_damage(path):
        return tarfile.is_tarfile(path)


def _read_tar(path: Path, limit: int | None) -> Iterator[tuple[str, bytes]]:
    with _explaining_damage(path), tarfile.open(path) as archive:
        members = [m for m in archive.getmembers() if Path(m.name).suffix.lower() in IMAGE_SUFFIXES and m.isfile()]
        if isinstance(archive.fileobj, io.BufferedReader):  # compressed ones are read in their own order, for each
            members.sort(key=lambda member: member.name)  # step back would decompress them from the start
        _require_end(archive)
        for row in _evenly(len(members), limit):
            content = archive.extractfile(members[row])
            yield members[row].name, content.read() if content else b""


def _require_end(archive: tarfile.TarFile) -> None:
    """ReadError where a damaged header was taken for the end of the members, or OSError where a checksum tells."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError(f"no header at byte {archive.offset}")
    while archive.fileobj.read(2**20):  # gzip's checksum comes last
        pass


@contextmanager
def _explaining_damage(path: Path) -> Iterator[None]:
    """SequenceError for what tarfile, and the compressions inside, raise on a file that was cut or altered."""
    try:
        yield
    except PermissionError:
        raise
    except (tarfile.TarError, EOFError, OSError, LZMAError, zlib.error) as error:
        raise SequenceError(f"{path}: can't be read to its end ({error}); copy the tar file again") from error


def _evenly(count: int, limit: int | None) -> list[int]:
    if limit is None or limit >= count:
        return list(range(count))
    return [row * count // limit for row in range(limit)]
