"""Training images as uint8 tensors: photographs from folders or tars, and shapes cached with their corners."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from slam_frontend.errors import ConfigError
from slam_frontend.files import write_atomically
from slam_frontend.photos import fit_image, read_photos
from slam_frontend.training.sources import note_sources, require_photos, shards_in
from slam_frontend.training.stored import OF_LABELS, OF_SHAPES, load_stored
from slam_frontend.types import Array

SHAPES = ("shapes.pt", "shapes_validation.pt")  # to learn from, to validate with; in the folder of a training


class Labelled(NamedTuple):
    """Images (N,H,W) uint8 and their points (N,K,2), NaN where there are fewer."""

    images: Tensor
    points: Tensor


def load_photos(paths: tuple[Path, ...], size: tuple[int, int], cache: Path) -> Tensor:
    """All photographs of folders and tars, grey, filling (height, width), as (N,H,W) uint8; decoded once.
    Without paths, those of the cache."""
    require_photos(paths, cache)
    if cache.exists():
        return _load(cache, size)
    photos = torch.from_numpy(np.stack([fit_image(image, size)[0] for path in paths for _, image in read_photos(path)]))
    note_sources(cache, paths)
    write_atomically(cache, lambda file: torch.save(photos, file))
    return photos


def shard_path(folder: Path, first: int) -> Path:
    """The file of the labels of the photographs from row ``first`` on."""
    return folder / f"shard_{first:06d}.pt"


def load_labels(folder: Path) -> tuple[Tensor, Tensor]:
    """Rows (N,) of the labelled photographs and their labels (N,K,3) x, y, score, from the shards there are."""
    rows, labels, end = [], [], 0
    for path in sorted(shards_in(folder), key=_first_row):
        shard, first = load_stored(path, OF_LABELS), _first_row(path)
        known = max(0, end - first)  # shards overlap where label.shard was changed on the way
        rows.append(torch.arange(first, first + len(shard))[known:])
        labels.append(shard[known:])
        end = max(end, first + len(shard))
    if not rows:
        raise ConfigError(f"{folder}: no labels found; run `slam-frontend train label` first")
    return torch.cat(rows), torch.cat(labels)


def load_shapes(cache: Path) -> Labelled:
    """The cached shapes, or ConfigError saying how to render them."""
    if not cache.exists():
        raise ConfigError(f"{cache}: not found; run `slam-frontend train shapes` first")
    stored = load_stored(cache, OF_SHAPES, entries=Labelled._fields)
    return Labelled(stored["images"], stored["points"])


def require_shapes(cache: Path, count: int, size: tuple[int, int]) -> None:
    """ConfigError where a cache holds other shapes than so many of size (height, width)."""
    found = load_stored(cache, OF_SHAPES, mmap=True, entries=Labelled._fields)["images"].shape
    if tuple(found) != (count, *size):
        raise ConfigError(
            f"{cache}: expected {count} shapes of {size[0]}x{size[1]}, found {found[0]} of {found[1]}x{found[2]}; "
            "set shapes as they were, choose another folder for this training, or delete the file"
        )


def pack(images: list[Array], points: list[Array]) -> Labelled:
    """Images with different numbers of points as two tensors."""
    most = max(1, *(len(p) for p in points))
    packed = np.full((len(points), most, 2), np.nan, np.float32)
    for row, found in zip(packed, points, strict=True):
        row[: len(found)] = found
    return Labelled(torch.from_numpy(np.stack(images)), torch.from_numpy(packed))


def save_shapes(cache: Path, shapes: Labelled) -> None:
    """Write the shapes where ``load_shapes`` finds them."""
    content = {"images": shapes.images, "points": shapes.points}
    write_atomically(cache, lambda file: torch.save(content, file))


def _first_row(shard: Path) -> int:
    return int(shard.stem.removeprefix("shard_"))


def _load(cache: Path, size: tuple[int, int]) -> Tensor:
    photos: Tensor = load_stored(cache, "delete it, and it is made of the photographs again")
    found = tuple(photos.shape[1:])
    if found != size:
        raise ConfigError(
            f"{cache}: holds photographs of {found[0]}x{found[1]} pixels, and photo_size says {size[0]}x{size[1]}; "
            "set photo_size to what it holds, choose another folder for this training, or delete the file"
        )
    return photos
