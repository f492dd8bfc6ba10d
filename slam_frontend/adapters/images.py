"""Images and masks as OpenCV's callers pass them."""

from typing import Any

import cv2
import numpy as np

from slam_frontend.errors import FrontendError
from slam_frontend.types import Array


def is_empty(image: Array | cv2.UMat | None) -> bool:
    """Whether OpenCV would take it for no image, or for no mask."""
    return image is None or np.size(_downloaded(image)) == 0


def to_grey(image: Array | cv2.UMat | None) -> Array:
    """The (H,W) uint8 grey image of a grey, BGR or BGRA one."""
    image = _downloaded(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise FrontendError(f"expected an image of uint8, found {found}; convert it first")
    if image.ndim == 2:
        return image
    codes = {1: None, 3: cv2.COLOR_BGR2GRAY, 4: cv2.COLOR_BGRA2GRAY}
    if image.ndim != 3 or image.shape[2] not in codes:
        raise FrontendError(f"expected a grey, BGR or BGRA image, found the shape {image.shape}")
    code = codes[image.shape[2]]
    return image[:, :, 0] if code is None else np.asarray(cv2.cvtColor(image, code))


def to_mask(mask: Array | cv2.UMat | None, shape: tuple[int, ...]) -> Array:
    """The (H,W) mask of an image of that shape."""
    mask = np.asarray(_downloaded(mask))
    if mask.shape not in (shape, (*shape, 1)):
        raise FrontendError(f"expected a mask of the image's size {shape}, found {mask.shape}; resize it first")
    return mask.reshape(shape)


def is_allowed(keypoints: Array, mask: Array) -> Array:
    """(N,) bool: keypoints whose pixel is not zero in the mask (H,W)."""
    columns, rows = np.rint(keypoints).astype(np.int64).T
    return np.asarray(mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)] != 0)


def is_inside(point: tuple[float, ...], image: Array) -> bool:
    """Whether x, y lies within the pixels of an image (H,W)."""
    height, width = image.shape
    return bool(-0.5 <= point[0] <= width - 0.5 and -0.5 <= point[1] <= height - 0.5)  # a NaN does not


def _downloaded(image: Array | cv2.UMat | None) -> Any:
    return image.get() if isinstance(image, cv2.UMat) else image
