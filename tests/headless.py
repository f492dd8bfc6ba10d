"""Open3D without a display, for tests; where it can't be had they skip with the sentence that a user would get."""

from functools import cache
from types import ModuleType

import numpy as np
import pytest

from slam_frontend.errors import FrontendError
from slam_frontend.optional import require
from slam_frontend.types import Array
from slam_frontend.viz.windows.window import Window


def open3d_or_skip() -> ModuleType:
    """The module, or a skip where it or a system library that it needs is missing."""
    try:
        return require("open3d", extra="viewer")
    except FrontendError as error:
        pytest.skip(str(error))


def drawing_or_skip() -> None:
    """Skips where Open3D can't draw, such as on a machine without EGL."""
    complaint = _complaint()
    if complaint:
        pytest.skip(complaint)


def pixels_of(colour: str, picture: Array) -> int:
    """How many pixels of an (H,W,3) RGB picture are nearly of a colour, as in #0072b2."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture.astype(int) - rgb).max(axis=2) < 12).sum())


@cache
def _complaint() -> str:
    try:
        Window("probe", 64, 48, visible=False).close()
    except FrontendError as error:
        return str(error)
    return ""
