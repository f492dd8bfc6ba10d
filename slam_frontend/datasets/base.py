"""What a recording is to the rest of the package."""

from collections.abc import Iterator
from typing import Protocol

from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Camera, Frame, Sensor


class Sequence(Protocol):
    """A recording that yields its frames in order.

    ``skipped`` grows while frames are read: one sentence for each that couldn't be used.
    ``truth`` may have other timestamps than the frames; None where nothing is known.
    ``len()`` is the number of frames still to come at most; a live camera says 0.
    """

    name: str
    sensor: Sensor  # the richest the recording offers, or the poorer one that was asked for
    camera: Camera
    truth: Trajectory | None
    skipped: list[str]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Frame]: ...
