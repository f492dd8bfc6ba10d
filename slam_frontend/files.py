"""Files that are there as a whole or not at all, JSON and folders for them, and which files are images, in which
order."""

import json
import logging
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from slam_frontend.errors import OutputError

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
PROBE = ".writable-"
Content = str | bytes | Callable[[BinaryIO], object]


def images_below(folder: Path) -> list[Path]:
    """The image files of a folder and of those in it, in the order of their paths; a warning for each name of an image
    that is a folder or a link to nothing."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    files = [path for path in paths if path.is_file()]
    for path in sorted(set(paths) - set(files)):
        logger.warning("%s: %s is left out, for it is no file", folder, path.relative_to(folder).as_posix())
    return files


def natural_order(name: str) -> list[int | str]:
    """What to sort names by so that 2 comes before 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def free_folder(parent: Path, name: str) -> Path:
    """``parent/name``, or the first of ``name-2``, ``name-3``... that nobody has used yet: made, so that nobody else
    who asks gets it too."""
    folder, number = make_writable(parent) / name, 1
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            folder = parent / f"{name}-{number}"


@contextmanager
def results_folder(chosen: Path | None, parent: Path, name: str) -> Iterator[Path]:
    """A chosen folder, or a free one below the parent that is gone again where nothing came to lie in it."""
    folder = chosen or free_folder(parent, name)
    try:
        yield folder
    finally:
        if chosen is None:
            with suppress(OSError):  # results lie in it
                folder.rmdir()


def make_writable(folder: Path) -> Path:
    """The folder, made where it is missing; OutputError before any work rather than after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=PROBE) as probe:  # others may be probing too
            probe.write(b"?")
            probe.flush()
    except OSError as error:
        raise OutputError(f"{folder}: can't be written to ({error.strerror}); choose another folder") from error
    return folder


def write_atomically(path: Path, content: Content) -> None:
    """Put the content, or what a function writes, at the path in one step, its folders made where they are missing;
    OutputError, and what stood there before stays, where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{path}: can't be written, for {path.parent} is no folder; choose another") from error
    except (OSError, RuntimeError) as error:  # with the latter torch says that a disk is full
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: can't be written ({reason}); free some space or choose another folder") from error


def write_once(path: Path, content: str | bytes) -> None:
    """Put the content at the path in one step; OutputError where anything else lies there already."""
    require_free(path, content)
    write_atomically(path, content)


def require_free(path: Path, content: str | bytes) -> None:
    """OutputError where anything but the content lies at the path."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not (path.is_file() and path.read_bytes() == data):
        raise OutputError(f"{path}: is there already and holds something else; choose another name, or remove it")


def as_yaml(text: str) -> str:
    """A text of which YAML's parser takes OpenCV's header for a comment."""
    return text.replace("%YAML:", "# YAML:", 1) if text.startswith("%YAML:") else text


def to_json(values: dict[str, Any], indent: int | None = 2) -> str:
    """JSON that every parser reads: what isn't a number is null."""
    return json.dumps(_plain(values), indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(path: Path, content: Content) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(handle)  # or a power cut leaves the new name on an empty file
        os.chmod(name, 0o644)  # mkstemp keeps others from reading
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
