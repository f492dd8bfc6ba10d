"""Pixels and rays of a pinhole camera with OpenCV's distortion."""

import cv2
import numpy as np

from slam_frontend.types import Array, Camera

REFERENCE_WIDTH = 640  # the image width that radii in the settings are meant for


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
    ideal = cv2.undistortPoints(pixels, camera.K, np.array(camera.distortion), P=camera.K)
    return np.asarray(ideal.reshape(-1, 2), np.float32)


def inside(pixels: Array, camera: Camera, margin: float = 0.0) -> Array:
    """(N,) bool: pixels within the image, ``margin`` away from its border; NaN is outside."""
    x, y = pixels[:, 0], pixels[:, 1]
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (x >= margin) & (y >= margin) & (x <= camera.width - 1 - margin) & (y <= camera.height - 1 - margin)
        )
