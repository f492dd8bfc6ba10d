"""A clip tracked again from what was seen of it before."""

from collections.abc import Callable

from slam_frontend.frontend import Frontend
from slam_frontend.mapping import LocalMap
from slam_frontend.types import Frame, FrameResult, View


class Replay:
    """A frontend that is shown views which others made; see ``pipeline.FrameProcessor``."""

    def __init__(self, frontend: Frontend, see: Callable[[Frame], View]) -> None:
        self.clock = frontend.clock
        self.see = see
        self._frontend = frontend

    @property
    def map(self) -> LocalMap:
        return self._frontend.map

    def follow(self, view: View) -> FrameResult:
        return self._frontend.follow(view)

    def finish(self) -> None:
        self._frontend.finish()
