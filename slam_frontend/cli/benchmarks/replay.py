"""A clip tracked again from what was seen of it before."""

from collections.abc import Callable

from slam_frontend.frontend import Frontend
from slam_frontend.geometry.camera import undistort_view
from slam_frontend.mapping import LocalMap
from slam_frontend.pipeline import OnFrame
from slam_frontend.types import Camera, Frame, FrameResult, View


def note_views(views: dict[int, View], camera: Camera) -> OnFrame:
    """Notes by their index what frames show to a camera as it is said to be, whatever the run finds of its lens."""
    return lambda frame, result: views.update({frame.index: undistort_view(result.view, camera)})


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
