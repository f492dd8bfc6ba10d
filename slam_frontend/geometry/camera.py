"""Pixels and rays of a pinhole camera with OpenCV's distortion."""

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from slam_frontend.types import Array, Camera, View

REFERENCE_WIDTH = 640  # the image width that radii in the settings are meant for
PRECISELY = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)  # OpenCV's own 5 steps leave half a pixel
BORDER_STEPS = 64  # points that an edge of the image is followed at


def pixel_scale(camera: Camera) -> float:
    """What a radius in the settings is multiplied by for a camera's width."""
    return camera.width / REFERENCE_WIDTH


def project(points_cam: Array, camera: Camera) -> Array:
    """(N,2) undistorted pixels of (N,3) points in the camera; NaN at or behind the camera."""
    z = np.where(points_cam[:, 2] > 1e-6, points_cam[:, 2], np.nan)
    x = camera.fx * points_cam[:, 0] / z + camera.cx
    y = camera.fy * points_cam[:, 1] / z + camera.cy
    return np.stack([x, y], axis=1)


def normalised(keypoints: Array, camera: Camera) -> Array:
    """(N,2) coordinates on the plane z = 1 of undistorted pixels."""
    return (np.asarray(keypoints, np.float64) - [camera.cx, camera.cy]) / [camera.fx, camera.fy]


def backproject(keypoints: Array, depth: Array, camera: Camera) -> Array:
    """(N,3) points in the camera of undistorted pixels at ``depth`` along z."""
    plane = normalised(keypoints, camera)
    return np.concatenate([plane, np.ones((len(plane), 1))], axis=1) * np.asarray(depth, np.float64)[:, None]


def undistort(keypoints: Array, camera: Camera) -> Array:
    """(N,2) float32 pixels that an ideal pinhole camera of the same K would have seen."""
    if not any(camera.distortion) or not len(keypoints):
        return np.asarray(keypoints, np.float32)
    pixels = np.asarray(keypoints, np.float64).reshape(-1, 1, 2)
    ideal = cv2.undistortPoints(pixels, camera.K, np.array(camera.distortion), P=camera.K, criteria=PRECISELY)
    return np.asarray(ideal.reshape(-1, 2), np.float32)


def undistort_view(view: View, camera: Camera) -> View:
    """The view with its keypoints as seen through a camera's lens."""
    return replace(view, keypoints=undistort(view.features.keypoints, camera))


def inside(pixels: Array, camera: Camera, margin: float = 0.0) -> Array:
    """(N,) bool: undistorted pixels where the image's can lie, ``margin`` away from the border; NaN is outside."""
    left, top, right, bottom = field_of_view(camera)
    x, y = pixels[:, 0], pixels[:, 1]
    with np.errstate(invalid="ignore"):
        return np.asarray((x >= left + margin) & (y >= top + margin) & (x <= right - margin) & (y <= bottom - margin))


@lru_cache(maxsize=8)
def field_of_view(camera: Camera) -> tuple[float, float, float, float]:
    """The least and greatest x and y, as left, top, right and bottom, that undistorted pixels of the image have."""
    across, down = np.linspace(0, camera.width - 1, BORDER_STEPS), np.linspace(0, camera.height - 1, BORDER_STEPS)
    edges = [np.stack(np.broadcast_arrays(across, y), 1) for y in (0, camera.height - 1)]
    edges += [np.stack(np.broadcast_arrays(x, down), 1) for x in (0, camera.width - 1)]
    border = undistort(np.concatenate(edges), camera)
    (left, top), (right, bottom) = border.min(0).tolist(), border.max(0).tolist()
    return left, top, right, bottom
