"""Whether a camera moved at all, or only turned."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import normalised, project
from slam_frontend.types import Array, Camera

NUM_ITERATIONS = 5
MIN_ERROR = 1.0  # pixels; errors below it weigh the same


def gain_over_rotation(keypoints0: Array, keypoints1: Array, T_1_0: Array, points: Array, camera: Camera) -> float:
    """How many times less squared error (N,3) points in camera 0 leave in (N,2) matches than a turn on the spot does.

    Where the camera only turned, depths and a translation that are fitted to noise alone gain two to
    three times; a true translation gains tens of times.
    """
    if not len(points):
        return 0.0
    by_rotation = np.linalg.norm(project(_turn(keypoints0, keypoints1, camera), camera) - keypoints1, axis=1)
    error0 = np.linalg.norm(project(points, camera) - keypoints0, axis=1)
    error1 = np.linalg.norm(project(se3.transform(T_1_0, points), camera) - keypoints1, axis=1)
    return float(np.median(by_rotation**2 / 2) / max(np.median(error0**2 + error1**2), 1e-9))


def _turn(keypoints0: Array, keypoints1: Array, camera: Camera) -> Array:
    """(N,3) rays of image 0, turned by the rotation that brings most of them to their matches."""
    rays0, rays1 = _rays(keypoints0, camera), _rays(keypoints1, camera)
    turned, weights = rays0, np.ones(len(rays0))
    for _ in range(NUM_ITERATIONS):
        U, _, Vt = np.linalg.svd((rays1 * weights[:, None]).T @ rays0)
        turned = rays0 @ (U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt).T
        errors = np.linalg.norm(project(turned, camera) - keypoints1, axis=1)
        weights = 1 / np.maximum(np.nan_to_num(errors, nan=np.inf), MIN_ERROR)
    return turned


def _rays(keypoints: Array, camera: Camera) -> Array:
    rays = np.insert(normalised(keypoints, camera), 2, 1.0, axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))
