"""Cameras and paths as the lines and triangles that stand for them."""

import numpy as np

from slam_frontend.types import Array

EDGES = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1], [5, 6], [6, 7]])
DASH = 3  # pieces
MAX_PIECES = 4000  # of a path; longer ones are drawn in longer pieces


def outlines(T_world_cam: Array, depth: float, half: tuple[float, float]) -> Array:
    """(K*10,2,3) edges of (K,4,4) cameras: a pyramid with its image in front and a roof on the image's upper side."""
    x, y = half
    corners = [[0, 0, 0], [-x, -y, 1], [x, -y, 1], [x, y, 1], [-x, y, 1]]
    roof = [[-x / 2, -y * 1.1, 1], [0, -y * 1.6, 1], [x / 2, -y * 1.1, 1]]  # y points down in a camera
    points = depth * np.array(corners + roof)
    world = np.einsum("kij,vj->kvi", T_world_cam[:, :3, :3], points) + T_world_cam[:, None, :3, 3]
    return np.asarray(world[:, EDGES].reshape(-1, 2, 3))


def pieces(positions: Array, step: float, is_dashed: bool = False) -> Array:
    """(M,2,3) pieces of about a length of an (N,3) path, none where it is lost; those of a dashed one have gaps."""
    found = [np.empty((0, 2, 3))]
    for stretch in _stretches(positions):
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(stretch, axis=0), axis=1))])
        count = int(np.clip(along[-1] / step, 1, MAX_PIECES))
        places = np.linspace(0, along[-1], count + 1)
        points = np.stack([np.interp(places, along, stretch[:, axis]) for axis in range(3)], axis=1)
        cut = np.stack([points[:-1], points[1:]], axis=1)
        found.append(cut[np.arange(count) // DASH % 2 == 0] if is_dashed else cut)
    return np.concatenate(found)


def tubes(pieces: Array, radii: Array, sides: int = 6) -> tuple[Array, Array]:
    """Vertices (V,3) and triangles (F,3) of a prism around each of (M,2,3) pieces, with the (M,2) radii of its ends."""
    direction = pieces[:, 1] - pieces[:, 0]
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    kept = length[:, 0] > 0
    pieces, radii, direction = pieces[kept], radii[kept], direction[kept] / length[kept]
    helper = np.eye(3)[np.abs(direction).argmin(axis=1)]
    u = np.cross(direction, helper)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(direction, u)
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.cos(angles)[:, None] * u[:, None] + np.sin(angles)[:, None] * v[:, None]  # (M,sides,3)
    overlap = 0.5 * radii[:, :, None] * np.stack([-direction, direction], axis=1)  # so that pieces meet in bends
    ends = pieces + overlap
    first, last = (ends[:, i : i + 1] + radii[:, i, None, None] * ring for i in range(2))
    vertices = np.concatenate([first, last, ends], axis=1)  # (M,2*sides+2,3)
    triangles = np.arange(len(pieces))[:, None, None] * (2 * sides + 2) + _prism(sides)
    return vertices.reshape(-1, 3), triangles.reshape(-1, 3)


def _prism(sides: int) -> Array:
    here = np.arange(sides)
    there = (here + 1) % sides
    first, last = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    walls = [[here, there, there + sides], [here, there + sides, here + sides]]
    caps = [[first, there, here], [last, here + sides, there + sides]]
    return np.concatenate([np.stack(corners, axis=1) for corners in walls + caps])


def _stretches(positions: Array) -> list[Array]:
    """The parts of a path between losses, those of at least two places."""
    known = np.isfinite(positions).all(axis=1)
    cuts = np.flatnonzero(np.diff(known.astype(int))) + 1
    return [part for part in np.split(positions, cuts) if len(part) > 1 and np.isfinite(part).all()]
