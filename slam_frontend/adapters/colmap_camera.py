"""Cameras as COLMAP has them: calibrated, or guessed from an image's EXIF data or its size."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.types import Camera

logger = logging.getLogger(__name__)

DEFAULT_FOCAL_LENGTH = 1.2  # of the longer side, as COLMAP guesses
MOST_DISTORTION = 1.0  # of a coefficient; COLMAP's mappers take a camera beyond it for a failed one
CORNER = 0.5  # COLMAP counts from the corner of the first pixel, we from its centre


def to_colmap(pycolmap: Any, camera: Camera) -> Any:
    """The pycolmap.Camera of a calibrated camera."""
    focal_and_centre = [camera.fx, camera.fy, camera.cx + CORNER, camera.cy + CORNER]
    radial, k3 = list(camera.distortion[:4]), camera.distortion[4] if len(camera.distortion) > 4 else 0.0
    if not any(camera.distortion):
        model, params = "PINHOLE", focal_and_centre
    elif k3 == 0:
        model, params = "OPENCV", [*focal_and_centre, *radial]
    else:
        model, params = "FULL_OPENCV", [*focal_and_centre, *radial, k3, 0.0, 0.0, 0.0]
    made = pycolmap.Camera(model=model, width=camera.width, height=camera.height, params=params)
    made.has_prior_focal_length = True
    return made


def infer_camera(pycolmap: Any, path: Path, size: tuple[int, int]) -> Any:
    """COLMAP's guess; it can't read all images that OpenCV reads, and then it is that for an image without EXIF."""
    try:
        return pycolmap.infer_camera_from_image(path)
    except ValueError:
        width, height = size
        params = [DEFAULT_FOCAL_LENGTH * max(size), width / 2, height / 2, 0.0]
        return pycolmap.Camera(model="SIMPLE_RADIAL", width=width, height=height, params=params)


def name_camera(pycolmap: Any, path: Path) -> str | None:
    """Maker, model, lens and size by EXIF, by which COLMAP knows images of one camera."""
    picture = pycolmap.Bitmap.read(path, as_rgb=False)
    return picture.exif_camera_model() if picture else None


def warn_of_distortion(camera: Camera) -> None:
    """Say so where COLMAP's mappers would drop all images of a calibrated camera."""
    most = max(np.abs(camera.distortion), default=0.0)
    if most > MOST_DISTORTION:
        logger.warning(
            "the camera has a distortion coefficient of %g, and COLMAP's mappers drop images with any beyond 1; give "
            "them --Mapper.max_extra_param %d --Mapper.ba_refine_focal_length 0 --Mapper.ba_refine_extra_params 0",
            most,
            np.ceil(most),
        )
