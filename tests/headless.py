"""Open3D without a display, for tests; where it can't be had they skip with the sentence that a user would get."""

from functools import cache
from types import ModuleType

import pytest

from slam_frontend.errors import FrontendError
from slam_frontend.optional import require
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


@cache
def _complaint() -> str:
    try:
        Window("probe", 64, 48, visible=False).close()
    except FrontendError as error:
        return str(error)
    return ""
