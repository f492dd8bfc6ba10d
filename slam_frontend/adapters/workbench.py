"""An export while it is being made: killed at any moment, it goes on where it was."""

import io
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.errors import OutputError
from slam_frontend.files import write_atomically
from slam_frontend.types import Array, Features, Matches

STAMP = "export.json"
UNFINISHED = ".unfinished"
FULL = re.compile("full|space|extend")  # of a disk, in the words of SQLite and HDF5
MADE_FROM = "state of the images"  # among the settings


class Workbench:
    """The folder of one export: its stamp, what is finished, and single results until then.

    Results are numbered files, so the order of the images belongs to the settings. One of images that
    have changed is another export once it is finished; until then features and matches tell which states they are of.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Claims the folder for an export with plain ``settings``; OutputError where anything else lies in it."""
        self.folder = folder
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))  # as it will be read again
        self._published: list[str] = []
        self.is_finished = self._claim()

    def has_features(self, number: int, state: str) -> bool:
        """Whether the features of an image were found already, when its file was in that state."""
        path = self._path(f"features-{number:06d}")
        if not path.exists():
            return False
        with np.load(path) as arrays:
            return bool(arrays["state"].item() == state)

    def features(self, number: int) -> tuple[Features, tuple[int, int]]:
        """The features of an image that has them, and its width and height."""
        arrays = self._load(f"features-{number:06d}")
        width, height = arrays.pop("size").tolist()
        del arrays["state"]
        return Features(**{**arrays, "norm": arrays["norm"].item()}), (width, height)

    def keep_features(self, number: int, features: Features, size: tuple[int, int], state: str) -> None:
        """Remember the features of an image, its width and height, and the state of its file."""
        self._save(f"features-{number:06d}", {**vars(features), "size": size, "state": state})

    def matches(self, number: int, states: Mapping[int, str]) -> dict[int, Matches]:
        """The matches of an image that were found already, by the number of the other one, when the files of both were
        in their states."""
        name = f"matches-{number:06d}"
        arrays = self._load(name) if self._path(name).exists() else {}
        others = {int(key.partition("/")[2]) for key in arrays}
        return {
            other: Matches(arrays[f"indices/{other}"], arrays[f"distances/{other}"])
            for other in others
            if arrays[f"of/{other}"].tolist() == [states[number], states.get(other)]
        }

    def keep_matches(self, number: int, matches: dict[int, Matches], states: Mapping[int, str]) -> None:
        """Remember all matches of an image with later ones, and the states of their files."""
        arrays: dict[str, Any] = {f"of/{other}": [states[number], states[other]] for other in matches}
        arrays |= {f"{name}/{other}": array for other, found in matches.items() for name, array in vars(found).items()}
        self._save(f"matches-{number:06d}", arrays)

    def publish(self, name: str, write: Callable[[Path], object]) -> None:
        """Let ``write`` make a file aside and put it into the folder when it is whole."""
        aside = self.folder / UNFINISHED / name
        try:
            for left in aside.parent.glob(f"{name}*"):  # by who was killed; SQLite writes more than one file
                left.unlink()
            write(aside)
            aside.replace(self.folder / name)
            self._published.append(name)
        except (OSError, RuntimeError) as error:  # with the latter SQLite and HDF5 say that a disk is full
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            if not (isinstance(error, OSError) or FULL.search(reason)):
                raise
            raise OutputError(f"{self.folder / name}: can't be written ({reason}); free some space") from error

    def finish(self) -> None:
        """Say that the export is whole and clear the bench."""
        self._stamp(finished=True)
        shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)

    def _claim(self) -> bool:
        stamp = self.folder / STAMP
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            before = json.loads(stamp.read_text("utf-8")) if stamp.exists() else None
            if before and (before["finished"] or any((self.folder / UNFINISHED).glob("*.npz"))):
                return self._compare(before)
            if before is None and any(self.folder.iterdir()):
                raise OutputError(f"{self.folder}: is not empty and holds no export; choose another folder")
            self._stamp(finished=False)
            (self.folder / UNFINISHED).mkdir(exist_ok=True)
        except (OSError, ValueError, KeyError) as error:
            raise OutputError(f"{self.folder}: can't be used for an export ({error}); choose another folder") from error
        return False

    def _compare(self, stamp: dict[str, Any]) -> bool:
        before = stamp.get("settings", {})
        compared = {**before, **self.settings}
        if not stamp.get("finished"):
            compared.pop(MADE_FROM, None)
        different = [key for key in compared if before.get(key) != self.settings.get(key)]
        if different:
            key = different[0]
            raise OutputError(
                f"{self.folder}: holds another export, whose {key} was {before.get(key)} and not "
                f"{self.settings.get(key)}; choose another folder, or remove this one"
            )
        is_finished = bool(stamp.get("finished")) and all((self.folder / name).exists() for name in stamp["files"])
        if not is_finished:
            (self.folder / UNFINISHED).mkdir(exist_ok=True)
        return is_finished

    def _stamp(self, finished: bool) -> None:
        content = {"finished": finished, "files": self._published, "settings": self.settings}
        write_atomically(self.folder / STAMP, json.dumps(content, indent=1) + "\n")

    def _path(self, name: str) -> Path:
        return self.folder / UNFINISHED / f"{name}.npz"

    def _load(self, name: str) -> dict[str, Array]:
        with np.load(self._path(name)) as arrays:
            return dict(arrays)

    def _save(self, name: str, arrays: dict[str, Any]) -> None:
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_atomically(self._path(name), content.getvalue())
