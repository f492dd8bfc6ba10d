"""A clip tracked again from what was seen of it before."""

from collections.abc import Callable

from slam_frontend.frontend import Frontend
from slam_frontend.geometry.camera import undistort_view
from slam_frontend.mapping import LocalMap
from slam_frontend.types import Frame, FrameResult, View


class Replay:
    """A frontend that is shown views which others made; see ``pipeline.FrameProcessor``.

    It sees them as its own camera is said to be, whatever others had found of the lens.
    """

    def __init__(self, frontend: Frontend, see: Callable[[Frame], View]) -> None:
        self.clock = frontend.clock
        self._frontend, self._see = frontend, see
        self._camera = frontend.camera  # before anything is found

    @property
    def map(self) -> LocalMap:
        return self._frontend.map

    def see(self, frame: Frame) -> View:
        return undistort_view(self._see(frame), self._camera)

    def follow(self, view: View) -> FrameResult:
        return self._frontend.follow(view)

    def finish(self) -> None:
        self._frontend.finish()
