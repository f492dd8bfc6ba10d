"""Shapes rendered to a cache, and the contact sheet that shows them; the only part of training that draws."""

from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from slam_frontend.training.config import TrainingConfig
from slam_frontend.training.datasets import SHAPES, Labelled, pack, save_shapes
from slam_frontend.training.shapes import PRIMITIVES, Shape, render
from slam_frontend.types import Array

VALIDATION_SEED = 1_000_000  # far from every seed that training uses
CHUNK = 250  # shapes that one worker renders at a time
SHEET_COLUMNS = 6
SHEET_ZOOM = 3


def render_many(count: int, size: tuple[int, int], seed: int, workers: int = 1) -> Labelled:
    """``count`` shapes of size (height, width); the same ones for the same seed, however many workers there are."""
    seeds = np.random.SeedSequence(seed).spawn(-(-count // CHUNK))
    jobs = [(min(CHUNK, count - number * CHUNK), size, child) for number, child in enumerate(seeds)]
    if workers == 1:
        chunks = [_render_chunk(job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers) as pool:
            chunks = list(pool.map(_render_chunk, jobs))
    shapes = [shape for chunk in chunks for shape in chunk]
    return pack([shape.image for shape in shapes], [shape.corners for shape in shapes])


def render_cache(config: TrainingConfig) -> None:
    """Render the shapes of a config, to learn from and to validate with, where training looks for them."""
    shapes, (cache, validation_cache) = config.shapes, (config.folder / name for name in SHAPES)
    save_shapes(validation_cache, render_many(shapes.validation, shapes.size, VALIDATION_SEED + config.seed))
    save_shapes(cache, render_many(shapes.count, shapes.size, config.seed, shapes.workers))


def contact_sheet(seed: int, size: tuple[int, int] = (120, 160)) -> Array:
    """A row of examples of every primitive with its corners marked, (H,W,3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    rows = []
    for primitive in PRIMITIVES:
        shapes = [render(rng, size, primitive) for _ in range(SHEET_COLUMNS)]
        tiles = [_tile(shape.image, shape.corners) for shape in shapes]
        cv2.putText(tiles[0], primitive, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 200, 0), 1, cv2.LINE_AA)
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


def _render_chunk(job: tuple[int, tuple[int, int], np.random.SeedSequence]) -> list[Shape]:
    count, size, seed = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    return [render(rng, size) for _ in range(count)]


def _tile(image: Array, corners: Array) -> Array:
    tile = cv2.resize(image, None, fx=SHEET_ZOOM, fy=SHEET_ZOOM, interpolation=cv2.INTER_NEAREST)
    tile = cv2.cvtColor(tile, cv2.COLOR_GRAY2RGB)
    for x, y in (corners + 0.5) * SHEET_ZOOM - 0.5:
        cv2.circle(tile, (round(x), round(y)), 4, (0, 200, 0), 1, cv2.LINE_AA)
    return np.asarray(tile)
