"""Which photographs a cache and its labels are of, as a note beside them."""

import json
import logging
from pathlib import Path
from typing import Any

from slam_frontend.errors import ConfigError
from slam_frontend.files import images_below, write_atomically
from slam_frontend.photos import read_photos
from slam_frontend.training.config import LabelConfig

logger = logging.getLogger(__name__)

NOT_OF_LABELS = {"batch", "shard", "rounds", "teacher"}  # settings of labelling that labels don't show
Sources = dict[str, int]  # bytes of a tar, or of the images in a folder, by its path


def require_photos(paths: tuple[Path, ...], cache: Path) -> None:
    """ConfigError where photographs must be read and are not there, or where the cache is of others than these.

    A cache without a note is taken as it is, and so is any where the photographs are not on this machine.
    """
    missing = [path for path in paths if not path.exists()]
    if cache.exists():
        noted = _read(_note_of(cache))
        if noted is not None and paths and not missing and noted != measure(paths):
            raise ConfigError(
                f"{cache}: expected the photographs of {_name(measure(paths))}, found those of {_name(noted)}; "
                "name these, choose another folder for this training, or delete the file"
            )
    elif not paths:
        raise ConfigError("photos: none are named; give a folder or a tar of images (--set photos=PATH)")
    elif missing:
        raise ConfigError(f"{missing[0]}: does not exist; expected a folder or a tar of images")
    for path in () if cache.exists() else paths:
        next(read_photos(path))  # SequenceError where it holds none


def require_labels_of(cache: Path, labels: Path) -> None:
    """Claim a folder for the labels of the cache's photographs; ConfigError where it holds labels of others."""
    stand = any(shards_in(labels))  # looked for first: a process beside this one writes its note before them
    wanted, noted = _read(_note_of(cache)), _read(labels / "photos.json")
    if wanted is None or noted == wanted:
        return
    if stand:
        raise ConfigError(
            f"{labels}: expected labels of {_name(wanted)}, found those of {_name(noted)}; "
            f"choose another folder for this training, or delete the labels; if they are right, copy {_note_of(cache)} "
            "beside them"
        )
    write_atomically(labels / "photos.json", json.dumps(wanted))


def require_labels_by(labels: Path, settings: dict[str, Any], teacher: str) -> None:
    """Note beside the labels how they are made; ConfigError where those that stand were made otherwise, and a warning
    where another network made them. Labels without a note are taken as they are."""
    stand, note = any(shards_in(labels)), labels / "settings.json"
    if not stand:
        write_atomically(note, json.dumps({"settings": settings, "teacher": teacher}))
        return
    noted = _read(note)
    if noted is None:
        return
    before = _settings_of(noted)
    if changed := [key for key in settings if before.get(key) != settings[key]]:
        was, now = (", ".join(f"{key}={values.get(key)}" for key in changed) for values in (before, settings))
        raise ConfigError(
            f"{labels}: its labels were made with {was}, expected {now}; set that as it was, or delete the labels"
        )
    if noted.get("teacher") != teacher:
        logger.warning(
            "%s: its labels were begun by %s, what is missing is made by %s; delete them to label all anew",
            labels, noted.get("teacher"), teacher,
        )  # fmt: skip


def how_labelled(labels: Path) -> dict[str, Any]:
    """The settings and the teacher of labelling that are noted beside labels; none where nothing is."""
    noted = _read(labels / "settings.json")
    if noted is None:
        return {}
    told = _settings_of(noted) | {"teacher": noted.get("teacher")}
    return {key: value for key, value in told.items() if key in LabelConfig.model_fields}


def name_sources(cache: Path, paths: tuple[Path, ...]) -> str:
    """What a cache was made of, in a few words; the given paths where that isn't noted."""
    return ", ".join(Path(path).name for path in _read(_note_of(cache)) or paths)


def shards_in(labels: Path) -> list[Path]:
    """The files of labels of a folder."""
    return [path for path in labels.glob("shard_*.pt") if path.stem.removeprefix("shard_").isdecimal()]


def note_sources(cache: Path, paths: tuple[Path, ...]) -> None:
    """Note beside the cache what it will be made of."""
    write_atomically(_note_of(cache), json.dumps(measure(paths)))


def measure(paths: tuple[Path, ...]) -> Sources:
    """The sources as they are now."""
    return {str(path.resolve()): _count_bytes(path) for path in paths}


def _count_bytes(path: Path) -> int:
    files = images_below(path) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _note_of(cache: Path) -> Path:
    return cache.with_suffix(".json")


def _read(note: Path) -> dict[str, Any] | None:
    if not note.exists():
        return None
    try:
        noted: dict[str, Any] = dict(json.loads(note.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{note}: is damaged and no longer tells what lies beside it; delete it") from error
    return noted


def _settings_of(noted: dict[str, Any]) -> dict[str, Any]:
    """The settings of a note, which may be older than one of them."""
    return LabelConfig().model_dump(mode="json", exclude=NOT_OF_LABELS) | dict(noted.get("settings", {}))


def _name(sources: Sources | None) -> str:
    if sources is None:
        return "unknown ones"
    return ", ".join(f"{path} ({size} bytes)" for path, size in sources.items())
