"""A furnished room made of flat painted faces, and what a pinhole camera sees of it."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.datasets.textures import Atlas, build_atlas, paint
from slam_frontend.types import Array, Camera

ROOM = (5.0, 4.0, 2.6)  # metres along x, y and z (up)
INSIDE_OUT = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])  # mirrors a face: u runs back from its other end
LIGHT = np.array([2.2, 1.4, 2.5])
# Centre of the foot x, y, z; size x, y, z; turn about z in degrees; paint.
FURNITURE = (
    ((2.30, 2.85, 0.00), (1.30, 0.70, 0.74), 8.0, "planks"),  # a table, and what lies on it
    ((1.95, 2.75, 0.74), (0.30, 0.24, 0.22), 30.0, "crate"),
    ((2.32, 2.95, 0.74), (0.22, 0.22, 0.42), -15.0, "books"),
    ((2.70, 2.70, 0.74), (0.26, 0.34, 0.16), 50.0, "crate"),
    ((2.45, 2.62, 0.74), (0.12, 0.10, 0.12), 12.0, "crate"),
    ((0.55, 3.70, 0.00), (0.90, 0.45, 1.90), 0.0, "books"),  # a shelf and a cabinet at the far wall
    ((4.20, 3.65, 0.00), (1.10, 0.50, 1.05), 0.0, "crate"),
    ((4.30, 3.65, 1.05), (0.45, 0.30, 0.35), 20.0, "posters"),
    ((3.75, 2.25, 0.00), (0.50, 0.50, 0.50), 35.0, "crate"),
    ((3.80, 2.25, 0.50), (0.30, 0.30, 0.30), 10.0, "crate"),
    ((0.85, 2.30, 0.00), (0.45, 0.60, 0.80), -25.0, "crate"),
    ((4.70, 1.00, 0.00), (0.45, 1.20, 1.60), 0.0, "books"),  # behind the camera at its start
    ((0.40, 0.60, 0.00), (0.60, 0.80, 0.75), 5.0, "posters"),
    ((2.60, 0.20, 0.00), (1.60, 0.30, 0.90), 0.0, "crate"),
)


@dataclass(frozen=True)
class Scene:
    """Parallelograms in the world, each seen from the side where u runs right and v runs down."""

    edges: Array  # (F,3,3): columns are the edge along u, the edge along v and the origin
    normals: Array  # (F,3) towards that side
    texels: Array  # (F,2) size of the picture
    atlas: Atlas


def furnish(density: float, poor_walls: bool, rng: np.random.Generator) -> Scene:
    """The room with its furniture, painted with ``density`` texels a metre, and twice that on what is small."""
    room = _box_edges((ROOM[0] / 2, ROOM[1] / 2, 0.0), ROOM, 0.0) @ INSIDE_OUT
    walls = ["plain" if poor_walls else "posters"] * 4 + ["plain", "planks"]
    edges, kinds, densities = [room], walls, [density] * 6
    for foot, size, turn, kind in FURNITURE:
        edges.append(_box_edges(foot, size, turn + rng.normal(0, 3))[:5])  # nobody looks from below
        kinds, densities = kinds + [kind] * 5, densities + [density * (2 if max(size) < 0.6 else 1)] * 5
    return _assemble(np.concatenate(edges), kinds, densities, rng)


def _assemble(edges: Array, kinds: list[str], densities: list[float], rng: np.random.Generator) -> Scene:
    lengths = np.linalg.norm(edges[:, :, :2], axis=1)
    normals = np.cross(edges[:, :, 1], edges[:, :, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    to_light = LIGHT - edges @ (0.5, 0.5, 1.0)
    facing = np.sum(normals * to_light, axis=1) / np.linalg.norm(to_light, axis=1)
    pictures = [
        cv2.convertScaleAbs(paint(kind, width, height, density, rng), alpha=0.6 + 0.5 * max(0.0, cosine))
        for kind, (width, height), density, cosine in zip(kinds, lengths, densities, facing, strict=True)
    ]
    texels = np.array([picture.shape[1::-1] for picture in pictures], np.float32)
    return Scene(edges, normals, texels, build_atlas(pictures))


def _box_edges(foot: tuple[float, ...], size: tuple[float, ...], turn_deg: float) -> Array:
    """(6,3,3) faces of an upright box: the four sides, the top and the bottom, pictures outwards and upright."""
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    x, y = size[0] * np.array([cos, sin, 0.0]), size[1] * np.array([-sin, cos, 0.0])
    z = np.array([0.0, 0.0, size[2]])
    low = np.asarray(foot) - x / 2 - y / 2
    sides = [(x, -z, low + z), (y, -z, low + x + z), (-x, -z, low + x + y + z), (-y, -z, low + y + z)]
    bottom, top = (x, y, low), (x, -y, low + y + z)
    return np.stack([np.stack(face, axis=1) for face in [*sides, top, bottom]])


@dataclass(frozen=True)
class Sight:
    """Which face each pixel shows, where on it and how far."""

    faces: Array  # (H,W) int64
    inverse_depth: Array  # (H,W) float32 1/metres, 0 where nothing is hit
    homographies: Array  # (F,3,3): pixel to (x texel, y texel, 1) over depth


def look(scene: Scene, camera: Camera, T_world_cam: Array, shift: tuple[float, float] = (0.0, 0.0)) -> Sight:
    """What the rays through the pixels, moved by ``shift``, meet first."""
    homographies, corners = _project(scene, camera, T_world_cam, shift)
    inverse_depth = np.zeros((camera.height, camera.width), np.float32)
    faces = np.zeros(inverse_depth.shape, np.int64)
    for face in np.flatnonzero(_facing(scene, T_world_cam)).tolist():
        rectangle = _bounds(corners[face], camera)
        if rectangle is not None:
            _draw_nearer(homographies[face], face, rectangle, inverse_depth, faces)
    texels = np.ones((len(homographies), 3, 1), np.float32)
    texels[:, :2, 0] = scene.texels
    return Sight(faces, inverse_depth, (homographies * texels).astype(np.float32))


def colours(scene: Scene, sight: Sight, blur: float = 0.0) -> Array:
    """(H,W,3) uint8 RGB of what is seen, from textures coarser by ``blur`` levels."""
    table = np.ascontiguousarray(sight.homographies.reshape(-1, 9)[:, :8].T)
    u0, u1, u2, v0, v1, v2, w0, w1 = np.take(table, sight.faces, axis=1)  # (H,W) each
    x, y = np.arange(u0.shape[1], dtype=np.float32), np.arange(u0.shape[0], dtype=np.float32)[:, None]
    depth = 1 / np.maximum(sight.inverse_depth, 1e-6)
    u, v = (u0 * x + u1 * y + u2) * depth, (v0 * x + v1 * y + v2) * depth  # texels
    across = (u0 - u * w0) ** 2 + (v0 - v * w0) ** 2  # squared texels a pixel to the right, over depth squared
    down = (u1 - u * w1) ** 2 + (v1 - v * w1) ** 2
    level = np.log2(np.sqrt(across * down) * depth**2 + 1e-6) / 2 + blur
    corners = scene.atlas.corners[sight.faces]
    return scene.atlas.sample(corners + np.stack([u, v], axis=-1) - 0.5, level)


def _facing(scene: Scene, T_world_cam: Array) -> Array:
    height = np.sum(scene.normals * (T_world_cam[:3, 3] - scene.edges[:, :, 2]), axis=1)
    facing: Array = height > 1e-4
    return facing


def _project(scene: Scene, camera: Camera, T_world_cam: Array, shift: tuple[float, float]) -> tuple[Array, Array]:
    """Pixel-to-(u, v, 1)-over-depth homographies (F,3,3), and the faces' corners as homogeneous pixels (F,3,4)."""
    K = camera.K
    K[:2, 2] -= shift
    edges = scene.edges.copy()
    edges[:, :, 2] -= T_world_cam[:3, 3]
    to_pixels = K @ T_world_cam[:3, :3].T @ edges
    corners = to_pixels @ np.array([[0.0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
    flat = np.abs(np.linalg.det(to_pixels)) < 1e-9  # seen edge-on
    to_pixels[flat] = np.eye(3)
    return np.linalg.inv(to_pixels), corners


def _bounds(corners: Array, camera: Camera) -> tuple[slice, slice] | None:
    """Rows and columns that can show a face; None where it is out of sight."""
    if (corners[2] <= 0.01).all():
        return None
    if (corners[2] <= 0.01).any():
        return slice(0, camera.height), slice(0, camera.width)
    x, y = corners[:2] / corners[2]
    columns = slice(max(0, int(np.floor(x.min()))), min(camera.width, int(np.ceil(x.max())) + 1))
    rows = slice(max(0, int(np.floor(y.min()))), min(camera.height, int(np.ceil(y.max())) + 1))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _draw_nearer(H: Array, face: int, rectangle: tuple[slice, slice], inverse_depth: Array, faces: Array) -> None:
    rows, columns = rectangle
    x = np.arange(columns.start, columns.stop, dtype=np.float32)
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    u, v, w = (np.float32(row[0]) * x + (np.float32(row[1]) * y + np.float32(row[2])) for row in H)
    nearest = inverse_depth[rectangle]
    hit = (w > nearest) & (u >= 0) & (u <= w) & (v >= 0) & (v <= w)
    np.copyto(nearest, w, where=hit)
    np.copyto(faces[rectangle], face, where=hit)
