"""Image files: listed in the order people count, decoded to grey, colour or metres."""

import logging
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.files import IMAGE_SUFFIXES, natural_order
from slam_frontend.photos import decode_image
from slam_frontend.types import Array

logger = logging.getLogger(__name__)


def list_pictures(folder: Path) -> list[Path]:
    """The image files of a folder, 2 before 10."""
    if not folder.is_dir():
        return []
    pictures = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."]
    return sorted(pictures, key=lambda path: natural_order(path.name))


def read_picture(path: Path, colour: bool = False, upright: bool = True) -> tuple[Array, Array | None]:
    """An image as (H,W) uint8 grey and, if asked for and there are any colours, as (H,W,3) uint8 RGB.

    Grey is decoded for itself even then: quicker for who wants no colour, and the same pixels for who does.
    Without ``upright`` the pixels stay as they are stored, whatever EXIF says of how the camera was held.
    SequenceError if it can't be decoded.
    """
    data = _read_bytes(path)
    grey = cv2.IMREAD_GRAYSCALE | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION)
    picture = _decode(data, grey | cv2.IMREAD_ANYCOLOR if colour else grey, path)
    if picture.ndim == 2:
        return picture, None
    return _decode(data, grey, path), cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def read_right(path: Path | None) -> Array | None:
    """The right image of a pair as (H,W) uint8 grey, None (and a warning) where there is none to be had."""
    try:
        return None if path is None else read_picture(path)[0]
    except SequenceError as error:
        logger.warning("%s; the left one is used alone", error)
        return None


def read_depth(path: Path | None, values_per_metre: float) -> Array | None:
    """(H,W) float32 metres with NaN where the file says 0, None (and a warning) where there is none to be had."""
    try:
        if path is None:
            return None
        values = _decode(_read_bytes(path), cv2.IMREAD_ANYDEPTH, path)
    except SequenceError as error:
        logger.warning("%s; the frame is used without depth", error)
        return None
    metres = values.astype(np.float32)
    metres /= np.float32(values_per_metre)
    np.copyto(metres, np.nan, where=~(metres > 0))
    return metres


def first_size(paths: Iterable[Path]) -> tuple[int, int]:
    """Width and height of the first image that can be decoded; SequenceError where none can."""
    complaint = "no images"
    for path in paths:
        try:
            height, width = read_picture(path)[0].shape
        except SequenceError as error:
            complaint = str(error)
        else:
            return width, height
    raise SequenceError(f"not one image can be read; the last: {complaint}")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror})") from error


def _decode(data: bytes, mode: int, path: Path) -> Array:
    image = decode_image(data, mode)
    if image is None:
        raise SequenceError(f"{path}: can't be decoded as an image")
    return image
