"""Pairs of views of a photograph with known correspondence."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from slam_frontend.models.network_config import CELL
from slam_frontend.training.config import JointConfig
from slam_frontend.training.draws import uniform
from slam_frontend.training.homographies import (
    is_inside,
    look,
    random_homographies,
    resample,
    transform,
    whole_cells,
)
from slam_frontend.training.photometric import degrade


class View(NamedTuple):
    """One view of each photograph of a batch."""

    images: Tensor  # (B,1,H,W) in 0..1, degraded
    points: Tensor  # (B,K,2) the labels, in this view
    visible: Tensor  # (B,K) bool
    confidence: Tensor  # (B,K) of the labels, 0 where they aren't visible
    mask: Tensor  # (B,H/8,W/8) cells to learn from


class Pair(NamedTuple):
    """Two views and the homographies (B,3,3) that take pixels of the first to the second."""

    first: View
    second: View
    H_1_0: Tensor


def draw_pairs(
    photos: Tensor, labels: Tensor, config: JointConfig, size: tuple[int, int], generator: torch.Generator
) -> Pair:
    """Random pairs of views of size (height, width) of photographs (B,h,w) uint8 with labels (B,K,3), all on the
    generator's device."""
    images = photos[:, None].float() / 255
    H_photo_0 = _crops((photos.shape[1], photos.shape[2]), len(photos), config, size, generator)
    if config.mirrored:  # without, nothing is drawn for it: recipes without mirrors keep their random numbers
        H_photo_0 = _mirror(H_photo_0, config.mirrored, size, generator)
    H_0_1 = random_homographies(len(photos), size, config.second, generator)
    first = _view(images, labels, H_photo_0, config, size, generator)
    second = _view(images, labels, H_photo_0 @ H_0_1, config, size, generator)
    return Pair(first, second, H_0_1.inverse())


class Places(NamedTuple):
    """Places that both views of each photograph may learn from."""

    first: Tensor  # (B,N,2) in the first view
    second: Tensor  # (B,N,2)
    valid: Tensor  # (B,N) bool: the others are there to fill up
    is_label: Tensor  # (B,N) bool: not a random pixel


def draw_places(pair: Pair, count: int, generator: torch.Generator) -> Places:
    """``count`` places. Labels go first, random pixels come after them."""
    batch, height, width = len(pair.H_1_0), *pair.first.images.shape[2:]
    extent = torch.tensor([width - 1.0, height - 1.0]).to(generator.device)
    random = uniform(generator, batch, count, 2) * extent
    labels = torch.where(pair.first.visible[..., None], pair.first.points, torch.full_like(pair.first.points, -1))
    candidates = torch.cat([labels, random], 1)
    others = transform(pair.H_1_0, candidates)
    seen = _learned_from(pair.first.mask, candidates) & _learned_from(pair.second.mask, others)
    lots = uniform(generator, *seen.shape)
    lots[:, : labels.shape[1]] += 1
    chosen = (lots * seen).topk(count, dim=1).indices
    rows = chosen[..., None].expand(-1, -1, 2)
    valid = seen.gather(1, chosen)
    return Places(candidates.gather(1, rows), others.gather(1, rows), valid, valid & (chosen < labels.shape[1]))


def _learned_from(mask: Tensor, places: Tensor) -> Tensor:
    """(B,N) bool: places (B,N,2) in cells that a mask (B,H/8,W/8) lets learn from."""
    height, width = mask.shape[1:]
    x, y = places.unbind(-1)
    column, row = (x / CELL).floor().clamp(0, width - 1).long(), (y / CELL).floor().clamp(0, height - 1).long()
    inside = is_inside((x, y), (height * CELL, width * CELL))
    return inside & mask.flatten(1).gather(1, row * width + column).bool()


def _view(
    images: Tensor,
    labels: Tensor,
    H_photo_view: Tensor,
    config: JointConfig,
    size: tuple[int, int],
    generator: torch.Generator,
) -> View:
    photo_size = (images.shape[2], images.shape[3])
    positions = look(H_photo_view, size)
    points = transform(H_photo_view.inverse(), labels[..., :2]).nan_to_num(-1e4)
    visible = is_inside(points.unbind(-1), size) & labels[..., 0].isfinite()
    return View(
        degrade(resample(images, positions), config.photometric, generator),
        points,
        visible,
        labels[..., 2].nan_to_num(0) * visible,
        whole_cells(positions, photo_size, config.inset),
    )


def _crops(
    photo_size: tuple[int, int], count: int, config: JointConfig, size: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Homographies from pixels of a zoomed crop, somewhere in the photograph, to those of the photograph."""
    draws = uniform(generator, count, 3)
    low, high = math.log(config.zoom[0]), math.log(config.zoom[1])
    zoom = torch.exp(low + draws[:, 0] * (high - low))
    whole, part = torch.tensor([photo_size, size]).to(generator.device)
    room = (whole - part / zoom[:, None]).clamp_min(0)
    centre = (whole - 1) / 2 + (draws[:, 1:] - 0.5) * room  # y, x
    to_photo = torch.zeros(count, 3, 3, device=generator.device)
    to_photo[:, 0, 0] = to_photo[:, 1, 1] = 1 / zoom
    to_photo[:, 0, 2] = centre[:, 1] - (size[1] - 1) / 2 / zoom
    to_photo[:, 1, 2] = centre[:, 0] - (size[0] - 1) / 2 / zoom
    to_photo[:, 2, 2] = 1
    return to_photo @ random_homographies(count, size, config.first, generator)


def _mirror(H_photo_view: Tensor, share: float, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """The homographies of views of size (height, width), a share of them left to right."""
    mirror = torch.eye(3, device=generator.device)
    mirror[0, 0], mirror[0, 2] = -1, size[1] - 1
    is_mirrored = uniform(generator, len(H_photo_view), 1, 1) < share
    return torch.where(is_mirrored, H_photo_view @ mirror, H_photo_view)
