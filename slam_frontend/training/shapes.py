"""Synthetic shapes with known corners: the paper's primitives and its negatives, rendered from a seed."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from slam_frontend.types import Array

OVERSAMPLING = 2
SHIFT = 4  # cv2 draws at 1/16 pixel
OUTLINE = 0.68  # pixels by which cv2's smooth filling exceeds a polygon on each side, measured
MIN_CONTRAST = 30
TILE_CONTRAST = 50
TILE_NOISE = 12
FLAT_ANGLE = np.deg2rad(120)  # vertices flatter than this are no corners
SPACE = 4.0  # pixels that shapes keep from one another


class Shape(NamedTuple):
    """An image (H,W) uint8 and its corners (N,2) float32 x, y."""

    image: Array
    corners: Array


Draw = Callable[[Array, np.random.Generator], Array]


def render(rng: np.random.Generator, size: tuple[int, int] = (120, 160), primitive: str | None = None) -> Shape:
    """One image of size (height, width) with a random primitive, or the one that is named."""
    draw = PRIMITIVES[primitive or str(rng.choice(list(PRIMITIVES), p=FREQUENCIES))]
    canvas = draw_background((size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), rng)
    corners = draw(canvas, rng).reshape(-1, 2)
    image = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9))
    return Shape(image, _keep_inside((corners + 0.5) / OVERSAMPLING - 0.5, size))


def draw_background(size: tuple[int, int], rng: np.random.Generator) -> Array:
    """A canvas of blurred blobs, of little contrast or of much."""
    coarse = np.full((size[0] // 4, size[1] // 4), int(rng.integers(0, 256)), np.uint8)
    spread = int(rng.integers(5, 60))
    base = int(coarse[0, 0])
    for _ in range(100):
        centre = (int(rng.integers(coarse.shape[1])), int(rng.integers(coarse.shape[0])))
        grey = int(np.clip(base + rng.integers(-spread, spread + 1), 0, 255))
        cv2.circle(coarse, centre, int(rng.integers(2, 12)), grey, -1)
    coarse = cv2.blur(coarse, (int(rng.integers(5, 20)),) * 2)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR))


def draw_lines(canvas: Array, rng: np.random.Generator) -> Array:
    """Up to nine lines that don't cross; corners at both ends."""
    segments: list[Array] = []
    side = min(canvas.shape)
    for _ in range(int(rng.integers(1, 10))):
        segment = _random_points(canvas, rng, 2)
        if np.linalg.norm(segment[1] - segment[0]) < side / 8 or any(_near(segment, other) for other in segments):
            continue
        segments.append(segment)
        thickness = max(1, round(side * rng.uniform(0.01, 0.02)))
        _line(canvas, segment, _contrasting(canvas, segment, rng), thickness)
    return np.concatenate(segments) if segments else np.empty((0, 2))


def draw_polygon(canvas: Array, rng: np.random.Generator) -> Array:
    """One polygon of three to seven sides."""
    side = min(canvas.shape)
    radius = rng.uniform(side / 6, side / 2)
    vertices = _ring(_random_points(canvas, rng, 1)[0], radius, int(rng.integers(3, 8)), rng)
    _fill(canvas, vertices, _contrasting(canvas, vertices, rng))
    return _sharp(vertices)


def draw_polygons(canvas: Array, rng: np.random.Generator) -> Array:
    """Up to thirty polygons that don't overlap, some textured."""
    placed: list[tuple[Array, float]] = []
    corners = [np.empty((0, 2))]
    for _ in range(int(rng.integers(2, 31))):
        centre, radius = _random_points(canvas, rng, 1)[0], rng.uniform(min(canvas.shape) / 16, min(canvas.shape) / 5)
        if _is_taken(centre, radius, placed):
            continue
        placed.append((centre, radius))
        vertices = _ring(centre, radius, int(rng.integers(3, 7)), rng)
        _fill(canvas, vertices, _contrasting(canvas, vertices, rng), rng)
        corners.append(_sharp(vertices))
    return np.concatenate(corners)


def draw_ellipses(canvas: Array, rng: np.random.Generator) -> Array:
    """Up to twenty ellipses: a negative, without corners."""
    placed: list[tuple[Array, float]] = []
    for _ in range(int(rng.integers(1, 21))):
        centre, radius = _random_points(canvas, rng, 1)[0], rng.uniform(min(canvas.shape) / 30, min(canvas.shape) / 5)
        if _is_taken(centre, radius, placed):
            continue
        placed.append((centre, radius))
        axes = (radius, radius * rng.uniform(0.3, 1.0))
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        outline = np.stack([axes[0] * np.cos(angles), axes[1] * np.sin(angles)], 1)
        outline = outline @ _rotation(rng.uniform(0, np.pi)).T + centre
        _fill(canvas, outline, _contrasting(canvas, outline, rng))
    return np.empty((0, 2))


def draw_star(canvas: Array, rng: np.random.Generator) -> Array:
    """Three to five branches from a centre; corners at the ends and in the centre."""
    side = min(canvas.shape)
    centre = _random_points(canvas, rng, 1, margin=side // 4)[0]
    ends = _ring(centre, rng.uniform(side / 5, side / 2), int(rng.integers(3, 6)), rng)
    thickness = max(2, round(side * rng.uniform(0.01, 0.02)))
    grey = _contrasting(canvas, ends, rng)
    for end in ends:
        _line(canvas, np.stack([centre, end]), grey, thickness)
    return np.concatenate([centre[None], ends])


def draw_checkerboard(canvas: Array, rng: np.random.Generator) -> Array:
    """A board of 3-6 by 3-6 tiles under a random perspective; corners at all crossings."""
    rows, columns = int(rng.integers(3, 7)), int(rng.integers(3, 7))
    grid = _warped_grid(canvas, rows, columns, rng)
    dark, light = _two_greys(canvas, grid.reshape(-1, 2), rng)
    for row in range(rows):
        for column in range(columns):
            tile = grid[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
            grey = (dark if (row + column) % 2 else light) + int(rng.integers(-TILE_NOISE, TILE_NOISE + 1))
            _fill(canvas, tile, int(np.clip(grey, 0, 255)))
    return grid.reshape(-1, 2)


def draw_stripes(canvas: Array, rng: np.random.Generator) -> Array:
    """Five to twelve parallel stripes under a random perspective; corners at their ends."""
    count = int(rng.integers(5, 13))
    borders = np.sort(rng.uniform(0, 1, count - 1))
    borders = np.concatenate([[0.0], borders[np.diff(borders, prepend=0) > 0.06], [1.0]])
    ends = _perspective(canvas, np.stack(np.meshgrid(borders, [0.0, 1.0]), -1).reshape(-1, 2), rng)
    top, bottom = ends[: len(borders)], ends[len(borders) :]
    greys = _two_greys(canvas, ends, rng)
    for i in range(len(borders) - 1):
        grey = greys[i % 2] + int(rng.integers(-TILE_NOISE, TILE_NOISE + 1))
        _fill(canvas, np.stack([top[i], top[i + 1], bottom[i + 1], bottom[i]]), int(np.clip(grey, 0, 255)))
    return ends


def draw_cube(canvas: Array, rng: np.random.Generator) -> Array:
    """A box turned so that three faces show; corners at its seven visible vertices."""
    side = min(canvas.shape)
    lengths = rng.uniform(side / 5, side / 2, 3)
    vertices = (np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3) - 0.5) * lengths
    yaw, pitch = rng.uniform(np.pi / 10, 4 * np.pi / 10, 2)
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turned = vertices @ about_y.T @ about_x.T
    nearest = int(np.argmin(turned[:, 2]))
    points = turned[:, :2] @ _rotation(rng.uniform(0, 2 * np.pi)).T + _random_points(canvas, rng, 1, side // 4)[0]
    grey = _contrasting(canvas, points, rng)
    for axis, shade in zip(range(3), rng.permutation([0, 35, 70]), strict=True):
        others = [1 << bit for bit in range(3) if bit != 2 - axis]
        face = points[[nearest, nearest ^ others[0], nearest ^ others[0] ^ others[1], nearest ^ others[1]]]
        _fill(canvas, face, int(grey + shade if grey < 128 else grey - shade))
    return np.delete(points, 7 - nearest, axis=0)


def draw_noise(canvas: Array, rng: np.random.Generator) -> Array:
    """Gaussian noise: a negative, without corners."""
    noise = rng.normal(float(rng.uniform(60, 200)), rng.uniform(10, 60), canvas.shape)
    np.copyto(canvas, np.clip(noise, 0, 255).astype(np.uint8))
    return np.empty((0, 2))


PRIMITIVES: dict[str, Draw] = {
    "lines": draw_lines,
    "polygon": draw_polygon,
    "polygons": draw_polygons,
    "ellipses": draw_ellipses,
    "star": draw_star,
    "checkerboard": draw_checkerboard,
    "stripes": draw_stripes,
    "cube": draw_cube,
    "noise": draw_noise,
}
FREQUENCIES = (0.12, 0.12, 0.14, 0.1, 0.12, 0.14, 0.1, 0.12, 0.04)


def _random_points(canvas: Array, rng: np.random.Generator, count: int, margin: int = 8) -> Array:
    height, width = canvas.shape
    return rng.uniform((margin, margin), (width - margin, height - margin), (count, 2))


def _ring(centre: Array, radius: float, count: int, rng: np.random.Generator) -> Array:
    angles = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count + rng.uniform(0, 2 * np.pi)
    radii = radius * rng.uniform(0.55, 1.0, count)
    return np.asarray(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))


def _sharp(vertices: Array) -> Array:
    before, after = np.roll(vertices, 1, 0) - vertices, np.roll(vertices, -1, 0) - vertices
    cosine = (before * after).sum(1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1) + 1e-9)
    return np.asarray(vertices[cosine > np.cos(FLAT_ANGLE)])


def _near(segment: Array, other: Array) -> bool:
    steps = np.linspace(0, 1, 24)[:, None]
    points0 = segment[0] + steps * (segment[1] - segment[0])
    points1 = other[0] + steps * (other[1] - other[0])
    gaps = np.linalg.norm(points0[:, None] - points1[None], axis=2)
    reach = max(np.linalg.norm(segment[1] - segment[0]), np.linalg.norm(other[1] - other[0])) / 24
    return bool(gaps.min() < reach + 2 * SPACE)


def _is_taken(centre: Array, radius: float, placed: list[tuple[Array, float]]) -> bool:
    return any(np.linalg.norm(centre - c) < radius + r + SPACE for c, r in placed)


def _rotation(angle: float) -> Array:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _contrasting(canvas: Array, points: Array, rng: np.random.Generator) -> int:
    """A grey that stands out from the canvas around the points."""
    height, width = canvas.shape
    columns = np.clip(points[:, 0], 0, width - 1).astype(int)
    rows = np.clip(points[:, 1], 0, height - 1).astype(int)
    base = float(canvas[rows, columns].mean())
    choices = np.arange(256)
    return int(rng.choice(choices[np.abs(choices - base) >= MIN_CONTRAST + 10]))


def _two_greys(canvas: Array, points: Array, rng: np.random.Generator) -> tuple[int, int]:
    """Two greys that stand out from the canvas around the points, and from one another."""
    first = _contrasting(canvas, points, rng)
    base = float(canvas.mean())
    choices = np.arange(256)
    apart = np.abs(choices - first) >= TILE_CONTRAST + 2 * TILE_NOISE
    visible = apart & (np.abs(choices - base) >= MIN_CONTRAST)
    return first, int(rng.choice(choices[visible if visible.any() else apart]))


def _warped_grid(canvas: Array, rows: int, columns: int, rng: np.random.Generator) -> Array:
    unit = np.stack(np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1)), -1)
    return _perspective(canvas, unit.reshape(-1, 2), rng).reshape(rows + 1, columns + 1, 2)


def _perspective(canvas: Array, unit: Array, rng: np.random.Generator) -> Array:
    """Points of the unit square on a random quadrilateral of the canvas."""
    size = np.array(canvas.shape[::-1])
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    extent = size * rng.uniform(0.35, 1.0)
    quad = (square - 0.5 + rng.uniform(-0.14, 0.14, (4, 2))) * extent
    quad = quad @ _rotation(rng.uniform(-np.pi, np.pi)).T + size / 2 + rng.uniform(-0.15, 0.15, 2) * size
    H = cv2.getPerspectiveTransform(square, quad.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform(unit[None].astype(np.float64), H)[0])


def _line(canvas: Array, segment: Array, grey: int, thickness: int) -> None:
    fixed = np.round(segment * 2**SHIFT).astype(int)
    start, end = (int(fixed[0, 0]), int(fixed[0, 1])), (int(fixed[1, 0]), int(fixed[1, 1]))
    cv2.line(canvas, start, end, grey, thickness, cv2.LINE_AA, SHIFT)


def _fill(canvas: Array, vertices: Array, grey: int, texture: np.random.Generator | None = None) -> None:
    fixed = np.round(_inset(vertices, OUTLINE) * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], grey, cv2.LINE_AA, SHIFT)
    if texture is None or texture.random() < 0.5:
        return
    mask = cv2.fillPoly(np.zeros_like(canvas), [fixed], 1, cv2.LINE_8, SHIFT)
    grain = texture.normal(0, texture.uniform(2, 12), canvas.shape)
    canvas[mask > 0] = np.clip(canvas[mask > 0] + grain[mask > 0], 0, 255).astype(np.uint8)


def _inset(vertices: Array, distance: float) -> Array:
    """The polygon (N,2) with every side moved inwards."""
    along = np.roll(vertices, -1, 0) - vertices
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    area = (vertices[:, 0] * np.roll(vertices[:, 1], -1) - vertices[:, 1] * np.roll(vertices[:, 0], -1)).sum()
    inwards = np.stack([-along[:, 1], along[:, 0]], 1) * np.sign(area)
    before = np.roll(inwards, 1, 0)
    shared = 1 + (before * inwards).sum(1, keepdims=True)
    return np.asarray(vertices + distance * (before + inwards) / np.maximum(shared, 0.3))


def _keep_inside(corners: Array, size: tuple[int, int]) -> Array:
    inside = ((corners >= 0) & (corners <= (size[1] - 1, size[0] - 1))).all(1)
    return np.asarray(corners[inside], np.float32)
