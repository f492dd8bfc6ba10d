"""Points from two rays."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.types import Array


def triangulate(rays0: Array, rays1: Array, T_1_0: Array) -> Array:
    """(N,3) points in camera 0 that two views agree on, NaN where the rays are parallel or meet behind a camera.

    ``rays0`` and ``rays1`` are (N,2) on the planes z = 1. Linear triangulation in inhomogeneous
    form (Hartley and Zisserman, 12.2): each view says ``(x R3 - R1) X = t1 - x t3``.
    """
    P0 = np.eye(4)[:3]
    P1 = T_1_0[:3]
    A = np.concatenate([_equations(rays0, P0), _equations(rays1, P1)], axis=1)  # (N,4,4)
    normal = np.einsum("nki,nkj->nij", A[..., :3], A[..., :3])
    right = -np.einsum("nki,nk->ni", A[..., :3], A[..., 3])
    points = _solve(normal, right)
    in_front = (points[:, 2] > 0) & (se3.transform(T_1_0, points)[:, 2] > 0)
    return np.where(in_front[:, None], points, np.nan)


def parallax(rays0: Array, rays1: Array, T_1_0: Array) -> Array:
    """(N,) angles in radians between two rays, seen in one frame."""
    directions0 = _unit(np.insert(rays0, 2, 1.0, axis=1) @ T_1_0[:3, :3].T)
    directions1 = _unit(np.insert(rays1, 2, 1.0, axis=1))
    sine = np.linalg.norm(np.cross(directions0, directions1), axis=1)
    return np.asarray(np.arctan2(sine, (directions0 * directions1).sum(axis=1)))


def _equations(rays: Array, P: Array) -> Array:
    return np.asarray(rays[:, :, None] * P[2] - P[:2])  # (N,2,4)


def _solve(normal: Array, right: Array) -> Array:
    determinant = np.linalg.det(normal)
    singular = ~(determinant > 1e-14)  # of a product A'A, which is positive
    safe = np.where(singular[:, None, None], np.eye(3), normal)
    points = np.linalg.solve(safe, right[..., None])[..., 0]
    return np.where(singular[:, None], np.nan, points)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
