"""Photographs of a folder or a tar file, one after the other."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.types import Array

SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp"}


def read_photos(path: Path) -> Iterator[tuple[str, Array]]:
    """Name and (H,W) uint8 grey image of every photograph that decodes, in the order of their names."""
    if not path.exists():
        raise SequenceError(f"{path}: does not exist; expected a folder or a tar file of photographs")
    found = False
    for name, data in _read_folder(path) if path.is_dir() else _read_tar(path):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
        if image is not None:
            found = True
            yield name, image
    if not found:
        raise SequenceError(f"{path}: no photograph found; expected files ending in {', '.join(sorted(SUFFIXES))}")


def _read_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            yield file.relative_to(path).as_posix(), file.read_bytes()


def _read_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if Path(m.name).suffix.lower() in SUFFIXES and m.isfile()]
            for member in sorted(members, key=lambda member: member.name):
                content = archive.extractfile(member)
                yield member.name, content.read() if content else b""
    except tarfile.TarError as error:
        raise SequenceError(f"{path}: is neither a folder nor a readable tar file ({error})") from error
