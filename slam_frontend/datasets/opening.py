"""Finds the reader for a path and opens it."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from slam_frontend.datasets.base import Reader, SensorChoice
from slam_frontend.datasets.calibration import Calibration, load_calibration
from slam_frontend.datasets.playback import Playback
from slam_frontend.errors import PluginError, SequenceError
from slam_frontend.registry import sequences

logger = logging.getLogger(__name__)

GENERAL = ("images", "video")  # tried last: many a recording of another format holds images too


def open_sequence(
    path: Path | str,
    format: str | None = None,
    sensor: SensorChoice = "auto",
    start: int = 0,
    limit: int | None = None,
    stride: int = 1,
    camera: Calibration | Path | str | None = None,
    colour: bool = False,
) -> Playback:
    """The recording at a path, in the format that it is recognised as or that is given, or SequenceError.

    ``sensor`` restricts it to a poorer one; ``start``, ``limit`` and ``stride`` count frames of the recording;
    ``camera`` is a calibration or its YAML file; with ``colour`` frames carry their colours, for pictures.
    """
    path = Path(path)
    reader = find_reader(path, format)
    calibration = load_calibration(Path(camera)) if isinstance(camera, str | Path) else camera
    opened = reader(path, sensor, calibration, colour)
    if sensor not in ("auto", opened.sensor):
        raise SequenceError(f"{path}: --sensor {sensor} was asked for, but its reader offers {opened.sensor}")
    return Playback(opened, start, limit, stride)


def find_reader(path: Path, format: str | None = None) -> type[Reader]:
    """Who reads the recording at a path, or SequenceError."""
    _require_something(path)
    return _named(path, format) if format is not None and format != "auto" else _recognised(path)


def _require_something(path: Path) -> None:
    is_camera_number = str(path).isdecimal() and str(int(str(path))) == str(path)
    if not path.exists() and not is_camera_number:
        raise SequenceError(f"{path}: no such folder or file; expected a recording")
    if path.is_dir() and not any(path.iterdir()):
        raise SequenceError(f"{path}: is an empty folder; expected a recording, such as {_layouts()}")


def _named(path: Path, format: str) -> type[Reader]:
    reader = _reader(format)
    if not _recognises(format, path):
        others = ", ".join(f"--format {name}" for name in sequences.names() if name != format)
        raise SequenceError(
            f"{path}: {reader.layout} not found. Is this a recording in the {format} format? Other layouts: {others}"
        )
    return reader


def _recognised(path: Path) -> type[Reader]:
    names = sequences.names()
    for name in [*(name for name in names if name not in GENERAL), *GENERAL]:
        try:
            if _recognises(name, path):
                return _reader(name)
        except PluginError as error:
            logger.warning("%s; its format is left out", error)
    raise SequenceError(f"{path}: is no recording of a known layout; expected {_layouts()}")


def _recognises(name: str, path: Path) -> bool:
    try:
        return _reader(name).recognises(path)
    except (AttributeError, TypeError) as error:
        raise PluginError(f"the sequence format {name!r} isn't a reader of recordings ({error})") from error


def _layouts() -> str:
    return "; ".join(_described())


def _described() -> Iterator[str]:
    for name in sequences.names():
        with suppress(PluginError, AttributeError):  # a third party's may be broken
            yield f"{name}: {_reader(name).layout}"


def _reader(name: str) -> type[Reader]:
    reader: type[Reader] = sequences.resolve(name)  # type: ignore[assignment]
    return reader
