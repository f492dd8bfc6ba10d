"""What a recording is to the rest of the package, and what a format is to ``open_sequence``."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from slam_frontend.datasets.calibration import Calibration
from slam_frontend.errors import SequenceError
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Camera, Frame, Sensor

logger = logging.getLogger(__name__)

SensorChoice = Literal["auto", "mono", "stereo", "rgbd"]
NAMES: dict[type, str] = {np.uint8: "uint8", np.floating: "floats in metres"}
FEW = 0.1  # of the images: as many lack their depth in any of TUM's recordings


class Sequence(Protocol):
    """A recording that yields its frames in order, by rising indices.

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


class Reader(Protocol):
    """One format: a class of the registry ``sequences``, or of the entry-point group ``slam_frontend.sequences``.

    It finds and decodes single frames; order, start, stride, wrong sizes and doubled timestamps are
    the business of whoever plays it, so a reader stays small.
    """

    layout: str  # what ``recognises`` looks for, in words: "rgb.txt"
    name: str
    sensor: Sensor
    camera: Camera
    truth: Trajectory | None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path has this layout, told from its names without decoding anything."""
        ...

    def __init__(self, path: Path, sensor: SensorChoice, calibration: Calibration | None, colour: bool) -> None:
        """Raises SequenceError where the recording can't be used: no frames, no calibration or one of another size.

        ``calibration`` is what the user gave, and wins over what the recording says; with ``colour``
        frames carry their colours.
        """
        ...

    def __len__(self) -> int:
        """How many positions there are, 0 if that shows only at the end."""
        ...

    def read(self, position: int) -> Frame | None:
        """The frame at a position, asked for in rising order; None past the end.

        ``Frame.index`` counts from the recording's first frame. SequenceError says why a frame can't
        be used: it is skipped, and the recording goes on.
        """
        ...


def choose_sensor(asked: SensorChoice, richest: Sensor, path: Path) -> Sensor:
    """The richest sensor for ``auto``, otherwise the one asked for, if the recording offers it."""
    if asked == "auto":
        return richest
    if asked not in (Sensor.MONO, richest):
        offered = "mono" if richest == Sensor.MONO else f"mono and {richest}"
        raise SequenceError(f"{path}: --sensor {asked} was asked for, but this recording offers {offered}")
    return Sensor(asked)


def require_frame(frame: Frame, camera: Camera) -> None:
    """SequenceError for a frame whose image isn't the camera's, or whose depth or right image isn't the image's."""
    size = camera.height, camera.width
    wanted = {"image": (frame.image, np.uint8), "right": (frame.right, np.uint8), "depth": (frame.depth, np.floating)}
    for name, (image, kind) in wanted.items():
        if image is None and name != "image":
            continue
        if isinstance(image, np.ndarray) and image.shape == size and np.issubdtype(image.dtype, kind):
            continue
        found = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else repr(image)[:40]
        raise SequenceError(
            f"frame {frame.index}: expected {name} {size} {NAMES[kind]}, found {found}; convert it first"
        )


def require_partners(path: Path, partner: str, num_found: int, num_images: int, question: str) -> None:
    """Raise SequenceError where no image has its ``partner`` (depth, or a right image); warn where many have none."""
    if num_found == num_images:
        return
    sentence = f"{path}: {partner} for {num_found} of {num_images} images"
    if num_found == 0:
        raise SequenceError(f"{sentence}; {question} --sensor mono does without")
    level = logging.INFO if num_images - num_found <= FEW * num_images else logging.WARNING
    logger.log(level, "%s; %s", sentence, question if 2 * num_found < num_images else "the others are used without")


def read_truth(read: Callable[[Path], Trajectory], path: Path) -> Trajectory:
    """The truth in a file that a recording may do without, which the SequenceError about a broken one says."""
    try:
        return read(path)
    except SequenceError as error:
        raise SequenceError(f"{error}; remove or rename this file to go without a truth") from error
