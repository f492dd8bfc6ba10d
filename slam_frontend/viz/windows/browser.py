"""Finished runs in a window, beside each other or in the same place."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from slam_frontend.viz.space.framing import AZIMUTHS_DEG, behind, overview
from slam_frontend.viz.space.legend import MOUSE, Entry, draw_legend
from slam_frontend.viz.space.moment import PANEL_WIDTH
from slam_frontend.viz.space.runs import RunScene
from slam_frontend.viz.space.scene import Scene, join
from slam_frontend.viz.windows.gallery import legend_entries
from slam_frontend.viz.windows.panelled import PanelledWindow

SIZE = (1360, 800)
INTERVAL = 1 / 60  # seconds between looks at mouse and keys
GAP = 1.1  # from one run's middle to the next, in the width of the widest


class Browser(PanelledWindow):
    """One window, the legend and the keys as its panel."""

    def __init__(self, runs: list[RunScene], folder: Path, visible: bool = True) -> None:
        """Opens the window; pictures that are saved go to the folder."""
        keys = {"R": self._overview, "C": self._change_colours, "P": self._save, "H": self._hide}
        if len(runs) > 1:
            keys["O"] = self._change_places
        super().__init__(", ".join(run.title.text for run in runs), SIZE, visible, keys)
        self._runs, self._folder = runs, folder
        self._with_ages = self._in_one_place = False
        self._saying: list[Entry] = []
        self._scene = self._arranged()
        self._overview()
        self._draw()

    def run(self) -> None:
        """Until the user closes it."""
        while self._window.poll():
            time.sleep(INTERVAL)
        self._window.close()

    def _arranged(self) -> Scene:
        scenes = [replace(run.scene, colours=run.by_age) if self._with_ages else run.scene for run in self._runs]
        if self._in_one_place or len(scenes) == 1:
            return join(scenes)
        front, up = behind(self._runs[0].forward, scenes[0].up)
        across = np.cross(up, front)
        width = GAP * max(float(np.ptp(scene.heart() @ across)) for scene in scenes)
        middles = [(path.min(axis=0) + path.max(axis=0)) / 2 for path in (scene.visited() for scene in scenes)]
        places = [middles[0] + number * width * across for number in range(len(scenes))]
        return join([scene.moved(to - at) for scene, at, to in zip(scenes, middles, places, strict=True)])

    def _draw(self) -> None:
        self._window.show(self._scene)
        if self._is_hidden:
            self._window.show_panel(None)
            return
        keys = [
            Entry("key", "see everything", key="R"),
            *([Entry("key", "beside each other, in one place", key="O")] if len(self._runs) > 1 else []),
            Entry("key", "landmarks by image, by age", key="C"),
            Entry("key", "save a picture", key="P"),
            Entry("key", "hide this panel", key="H"),
            MOUSE,
            Entry("key", "close", key="Q"),
        ]
        titles = [run.title for run in self._runs]
        entries = [*titles, *legend_entries(self._runs, self._with_ages), *keys, *self._saying]
        self._window.show_panel(draw_legend(entries, PANEL_WIDTH))

    def _overview(self) -> None:
        share, aspect, first = self._hidden_share, self._window.aspect, self._runs[0]
        azimuths = AZIMUTHS_DEG if self._in_one_place or len(self._runs) == 1 else (0.0,)
        view = overview(self._scene.heart(), first.forward, first.scene.up, (1 - share) * aspect, azimuths)
        self._window.look(view.beside(share, aspect))

    def _change_colours(self) -> None:
        self._with_ages = not self._with_ages
        self._scene = self._arranged()
        self._draw()

    def _change_places(self) -> None:
        self._in_one_place = not self._in_one_place
        self._scene = self._arranged()
        self._overview()
        self._draw()

    def _save(self) -> None:
        self._saying = [Entry("text", self._window.save(self._folder))]
        self._draw()

    def _hide(self) -> None:
        self._is_hidden = not self._is_hidden
        self._draw()
