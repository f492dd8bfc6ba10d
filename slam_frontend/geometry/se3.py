"""Rigid motions as (…,4,4) float64 matrices."""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from slam_frontend.types import Array

LEAST_ANGLE = 1e-12  # radians; turning by less than this is turning by nothing
IDENTITY = np.eye(3)


def inverse(T: Array) -> Array:
    """The inverse of (…,4,4) rigid motions."""
    R_transposed = np.swapaxes(T[..., :3, :3], -1, -2)
    result = np.zeros_like(T)
    result[..., :3, :3] = R_transposed
    result[..., :3, 3:] = -(R_transposed @ T[..., :3, 3:])
    result[..., 3, 3] = 1.0
    return result


def from_rotation_translation(R: Array, t: Array) -> Array:
    """The (4,4) motion ``x -> R x + t``."""
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = np.ravel(t)
    return T


def transform(T: Array, points: Array) -> Array:
    """(N,3) points moved by T, one (4,4) for all or (N,4,4) one each."""
    if T.ndim == 2:
        return np.asarray(points @ T[:3, :3].T + T[:3, 3])
    return np.asarray(np.einsum("nij,nj->ni", T[:, :3, :3], points) + T[:, :3, 3])


def hat(vectors: Array) -> Array:
    """(…,3,3) cross-product matrices of (…,3) vectors."""
    W = np.zeros((*vectors.shape, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        W[..., i, j], W[..., j, i] = -vectors[..., k], vectors[..., k]
    return W


def exp(twist: Array) -> Array:
    """(…,4,4) motions of (…,6) twists (translation first), by Rodrigues' formula."""
    rho, phi = twist[..., :3], twist[..., 3:]
    angle = np.maximum(np.sqrt(np.einsum("...i,...i->...", phi, phi)), LEAST_ANGLE)[..., None, None]
    W = hat(phi / angle[..., 0])  # of the axis
    WW = W @ W
    sine, versine = np.sin(angle), 1 - np.cos(angle)
    T = np.zeros((*twist.shape[:-1], 4, 4))
    T[..., :3, :3] = IDENTITY + sine * W + versine * WW
    V = IDENTITY + (versine * W + (angle - sine) * WW) / angle
    T[..., :3, 3] = (V @ rho[..., None])[..., 0]
    T[..., 3, 3] = 1.0
    return T


def log(T: Array) -> Array:
    """The (6,) twist of one (4,4) motion, its rotation half a turn at most."""
    phi = _rotation_vector(T[:3, :3])
    angle = max(math.sqrt(phi @ phi), LEAST_ANGLE)
    W = hat(phi)
    c = 1 / 12 if angle < 1e-3 else 1 / angle**2 - 1 / (2 * angle * math.tan(angle / 2))
    return np.concatenate([(IDENTITY - W / 2 + c * (W @ W)) @ T[:3, 3], phi])


def _rotation_vector(R: Array) -> Array:
    cosine = (R[0, 0] + R[1, 1] + R[2, 2] - 1) / 2
    if cosine < 0:  # towards half a turn the axis fades from what follows
        return np.asarray(Rotation.from_matrix(R).as_rotvec())
    axis = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]) / 2
    sine = math.sqrt(axis @ axis)
    return np.asarray(axis * (math.atan2(sine, cosine) / max(sine, LEAST_ANGLE)))


def rotation_angle(R: Array) -> float:
    """The angle of a (3,3) rotation, radians."""
    return float(Rotation.from_matrix(R).magnitude())


def normalise(T: Array) -> Array:
    """T with its rotation made orthonormal again, so that long chains of products don't drift."""
    U, _, Vt = np.linalg.svd(T[:3, :3])
    return from_rotation_translation(U @ Vt, T[:3, 3])
