"""A camera that nobody has calibrated, as a beginning."""

from pathlib import Path

import cv2

from slam_frontend.datasets.calibration import Calibration, find_calibration
from slam_frontend.datasets.images import ImageReader
from slam_frontend.datasets.pictures import first_size, list_pictures
from slam_frontend.datasets.video import VideoReader
from slam_frontend.errors import SequenceError

FOCAL = 0.8  # of the longer side: 64 degrees, about what telephones and webcams see


def find_or_guess_calibration(path: Path) -> Calibration | None:
    """What the camera.yaml of a video or a folder of images says, else a usual lens for it; None for recordings of
    other kinds, which state their cameras themselves."""
    if not path.exists():
        raise SequenceError(f"{path}: no such folder or file; expected a recording (of a live camera, a video first)")
    if not (ImageReader.recognises(path) or VideoReader.recognises(path)):
        return None
    found = find_calibration(path if path.is_dir() else path.parent, None)
    return found or _usual_lens(*(first_size(list_pictures(path)) if path.is_dir() else _video_size(path)))


def _usual_lens(width: int, height: int) -> Calibration:
    focal = FOCAL * max(width, height)
    return Calibration(width=width, height=height, fx=focal, fy=focal, cx=(width - 1) / 2, cy=(height - 1) / 2)


def _video_size(path: Path) -> tuple[int, int]:
    capture = cv2.VideoCapture(str(path))
    size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if min(size) < 1:
        raise SequenceError(f"{path}: can't be opened as a video; expected a video file or a folder of images")
    return size
