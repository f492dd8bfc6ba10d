"""The camera that a search for a better one begins with."""

from dataclasses import asdict
from pathlib import Path

import cv2

from slam_frontend.datasets.calibration import Calibration, find_calibration
from slam_frontend.datasets.euroc import EurocReader
from slam_frontend.datasets.images import ImageReader
from slam_frontend.datasets.opening import find_reader
from slam_frontend.datasets.pictures import first_size, list_pictures
from slam_frontend.datasets.video import VideoReader, frame_size
from slam_frontend.errors import SequenceError

FOCAL = 0.8  # of the longer side: 64 degrees, about what telephones and webcams see


def find_or_guess_calibration(path: Path, format: str | None = None) -> Calibration:
    """What the recording's camera.yaml says, else the recording; a usual lens for videos and images that say nothing.
    SequenceError where nothing can be found."""
    reader = find_reader(path, format)
    if not path.exists():
        raise SequenceError(f"{path}: expected a recording; film a video first, for a live camera shows nothing twice")
    if reader is EurocReader:
        raise SequenceError(
            f"{path}: expected images by one camera, found a rectified pair; give the folder of its images (cam0/data)"
        )
    found = find_calibration(path if path.is_dir() else path.parent, None)
    if found is not None:
        return found
    if reader is ImageReader:
        return _usual_lens(*first_size(list_pictures(path)))
    if reader is VideoReader:
        return _usual_lens(*_video_size(path))
    return Calibration(**{**asdict(reader(path, "mono", None, False).camera), "baseline": None})


def _usual_lens(width: int, height: int) -> Calibration:
    focal = FOCAL * max(width, height)
    return Calibration(width=width, height=height, fx=focal, fy=focal, cx=(width - 1) / 2, cy=(height - 1) / 2)


def _video_size(path: Path) -> tuple[int, int]:
    size = frame_size(cv2.VideoCapture(str(path)))
    if min(size) < 1:
        raise SequenceError(f"{path}: can't be opened as a video; expected a video file or a folder of images")
    return size
