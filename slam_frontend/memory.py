"""How the process deals with memory that it has freed."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
KEPT = 128 * 2**20  # bytes
LARGEST = 32 * 2**20  # bytes; the most that glibc lets one take


def keep_freed_memory() -> None:
    """Let the planes of one image live where those of the one before did, instead of asking the system for fresh pages
    for each: clearing them costs as much as the arithmetic. Nothing happens where the C library isn't glibc."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        for parameter, value in ((M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, KEPT)):
            libc.mallopt(parameter, value)
