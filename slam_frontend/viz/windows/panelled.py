"""A window with a panel beside the scene, whose keys do something."""

from collections.abc import Callable

from slam_frontend.types import Array
from slam_frontend.viz.space.moment import PANEL_WIDTH
from slam_frontend.viz.windows.window import Window


class PanelledWindow:
    """What windows of finished runs and of one under way have in common."""

    def __init__(self, title: str, size: tuple[int, int], visible: bool, keys: dict[str, Callable[[], None]]) -> None:
        self._keys = keys
        self._window = Window(title, *size, visible=visible, keys=keys)
        self._is_hidden = False

    def press(self, key: str) -> None:
        """Do what a key of the panel does."""
        self._keys[key]()

    def capture(self) -> Array:
        """(H,W,3) uint8 RGB of the window."""
        return self._window.capture()

    def close(self) -> None:
        """Take the window away."""
        self._window.close()

    @property
    def _hidden_share(self) -> float:
        """How much of the window's width the panel takes."""
        return 0.0 if self._is_hidden else PANEL_WIDTH / self._window.size[0]
