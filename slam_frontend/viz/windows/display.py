"""Whether there is a display, and what libraries expect of a system around it."""

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from slam_frontend.errors import ViewerError


def require_display() -> None:
    """ViewerError where nobody could see a window; Open3D would draw for nobody without a word."""
    if not sys.platform.startswith("linux"):
        return
    wayland, x11 = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if not (wayland and _is_wayland_answering(wayland)) and not (x11 and _is_answering(x11)):
        raise ViewerError("no display to open a window on: do without --show, or give --screenshot FILE to view")


@cache
def _is_answering(display: str) -> bool:
    """Whether an X server is there. The connection stays: some servers begin anew when their last client goes."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return True  # nobody to ask
    x11.XOpenDisplay.restype = ctypes.c_void_p
    return bool(x11.XOpenDisplay(display.encode()))


def _is_wayland_answering(display: str) -> bool:
    """Whether somebody listens at the socket: a session that has gone may have left its name behind."""
    path = os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), display)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(path)
        except OSError:
            return False
    return True


@contextmanager
def runtime_folder() -> Iterator[None]:
    """Where a system has no XDG_RUNTIME_DIR, libraries complain of it on the terminal; here they have no reason to."""
    if "XDG_RUNTIME_DIR" in os.environ:
        yield
        return
    os.environ["XDG_RUNTIME_DIR"] = "/tmp"
    try:
        yield
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
