"""Names for things that can be swapped; other packages add theirs through entry points."""

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from slam_frontend.errors import PluginError


class Registry:
    """Maps a name to a class or function, imported on first use.

    ``builtin`` holds ``name: "module:attribute"``; a name registered under the setuptools
    entry-point ``group`` is found as well, and the built-in one wins.
    """

    def __init__(self, kind: str, group: str, builtin: dict[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.builtin = builtin

    def names(self) -> list[str]:
        """All known names, built-in ones first."""
        return list(dict.fromkeys([*self.builtin, *(point.name for point in self._plugins())]))

    def resolve(self, name: str) -> Callable[..., Any]:
        """The class or function behind a name, or PluginError naming those that exist."""
        if name in self.builtin:
            module, attribute = self.builtin[name].split(":")
            return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]
        for point in self._plugins():
            if point.name == name:
                return self._load(point)
        raise PluginError(f"no {self.kind} is called {name!r}; there are {', '.join(self.names())}")

    def _plugins(self) -> list[EntryPoint]:
        return list(entry_points(group=self.group))

    def _load(self, point: EntryPoint) -> Callable[..., Any]:
        try:
            return point.load()  # type: ignore[no-any-return]
        except Exception as error:
            raise PluginError(f"the {self.kind} {point.name!r} ({point.value}) can't be loaded: {error}") from error


extractors = Registry(
    "extractor",
    "slam_frontend.extractors",
    {
        "superpoint": "slam_frontend.features.superpoint:create_superpoint",
        "superpoint-fast": "slam_frontend.features.superpoint:create_superpoint_fast",
        "orb": "slam_frontend.features.classical:create_orb",
        "sift": "slam_frontend.features.classical:create_sift",
        "fast": "slam_frontend.features.classical:create_fast",
    },
)
matchers = Registry(
    "matcher",
    "slam_frontend.matchers",
    {"nearest": "slam_frontend.matching.nearest:NearestMatcher"},
)
sequences = Registry(
    "sequence format",
    "slam_frontend.sequences",
    {
        "tum": "slam_frontend.datasets.tum:TumReader",
        "kitti": "slam_frontend.datasets.kitti:KittiReader",
        "euroc": "slam_frontend.datasets.euroc:EurocReader",
        "images": "slam_frontend.datasets.images:ImageReader",
        "video": "slam_frontend.datasets.video:VideoReader",
    },
)
