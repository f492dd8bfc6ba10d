"""Rigid motions as (…,4,4) float64 matrices."""

import numpy as np
from scipy.spatial.transform import Rotation

from slam_frontend.types import Array


def inverse(T: Array) -> Array:
    """The inverse of (…,4,4) rigid motions."""
    R_transposed = np.swapaxes(T[..., :3, :3], -1, -2)
    result = np.zeros_like(T)
    result[..., :3, :3] = R_transposed
    result[..., :3, 3] = -np.einsum("...ij,...j->...i", R_transposed, T[..., :3, 3])
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
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return np.stack(rows, axis=-1).reshape(*vectors.shape[:-1], 3, 3)


def exp(twist: Array) -> Array:
    """(…,4,4) motions of (…,6) twists (translation first), by Rodrigues' formula."""
    rho, phi = twist[..., :3], twist[..., 3:]
    angle = np.linalg.norm(phi, axis=-1)[..., None, None]
    small = angle < 1e-6
    safe = np.where(small, 1.0, angle)
    a = np.where(small, 1.0 - angle**2 / 6, np.sin(safe) / safe)
    b = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    c = np.where(small, 1 / 6 - angle**2 / 120, (safe - np.sin(safe)) / safe**3)
    W = hat(phi)
    WW = W @ W
    T = np.zeros((*twist.shape[:-1], 4, 4))
    T[..., :3, :3] = np.eye(3) + a * W + b * WW
    T[..., :3, 3] = np.einsum("...ij,...j->...i", np.eye(3) + b * W + c * WW, rho)
    T[..., 3, 3] = 1.0
    return T


def log(T: Array) -> Array:
    """The (6,) twist of one (4,4) motion, its rotation half a turn at most."""
    phi = Rotation.from_matrix(T[:3, :3]).as_rotvec()
    angle = float(np.linalg.norm(phi))
    W = hat(phi)
    if angle < 1e-6:
        V_inverse = np.eye(3) - W / 2 + W @ W / 12
    else:
        c = 1 / angle**2 - 1 / (2 * angle * np.tan(angle / 2))
        V_inverse = np.eye(3) - W / 2 + c * (W @ W)
    return np.concatenate([V_inverse @ T[:3, 3], phi])


def rotation_angle(R: Array) -> float:
    """The angle of a (3,3) rotation, radians."""
    return float(Rotation.from_matrix(R).magnitude())


def normalise(T: Array) -> Array:
    """T with its rotation made orthonormal again, so that long chains of products don't drift."""
    U, _, Vt = np.linalg.svd(T[:3, :3])
    return from_rotation_translation(U @ Vt, T[:3, 3])
