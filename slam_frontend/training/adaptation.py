"""Homographic adaptation: what a detector finds in a photograph under many views, as points to learn from."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.files import write_atomically
from slam_frontend.models.heatmap import find_points, sharpen, to_heatmap
from slam_frontend.models.superpoint import SuperPoint, fold
from slam_frontend.training.config import LabelConfig
from slam_frontend.training.datasets import shard_path
from slam_frontend.training.engine import Engine
from slam_frontend.training.homographies import is_inside, look, resample, views_of
from slam_frontend.training.stored import OF_LABELS, load_stored
from slam_frontend.training.votes import label_by_votes


def label_photos(
    network: SuperPoint, photos: Tensor, config: LabelConfig, engine: Engine, folder: Path, seed: int = 0
) -> Iterator[int]:
    """Labels photographs (N,H,W) uint8 into shards in the folder, those of this process that aren't there yet;
    yields the number of photographs of each shard when it is written or found."""
    network = engine.place(fold(network))
    shards = torch.split(photos, config.shard)
    for number in range(engine.rank, len(shards), engine.world):
        first = number * config.shard
        path = shard_path(folder, first)
        if not _holds(path, len(shards[number])):
            with torch.inference_mode():
                label_one = label_by_votes if config.votes else label
                labels = [
                    label_one(network, photo.to(engine.device), config, engine, seed + first + row)
                    for row, photo in enumerate(shards[number])
                ]
            stored = torch.stack(labels).cpu().clone()
            write_atomically(path, lambda file, stored=stored: torch.save(stored, file))  # type: ignore[misc]
        yield len(shards[number])


def _holds(shard: Path, count: int) -> bool:
    """Whether there is a shard of so many photographs; one of a smaller ``label.shard`` holds fewer."""
    return shard.exists() and len(load_stored(shard, OF_LABELS, mmap=True)) >= count


def label(network: SuperPoint, photo: Tensor, config: LabelConfig, engine: Engine, seed: int) -> Tensor:
    """The points (count,3) x, y, confidence of a photograph (H,W), NaN where there are fewer; the confidence is the
    share of the views in which the point was found."""
    heatmap = adapt(network, photo, config, engine, seed)
    placed = sharpen(heatmap[None], photo.to(engine.device)[None, None].float()) if config.sharpen else heatmap[None]
    points = find_points(placed, config.count, config.threshold, config.nms_radius, config.erosion)
    mass = 25 * F.avg_pool2d(heatmap[None, None], 5, stride=1, padding=2)[0, 0]
    columns, rows = points.positions[0].round().long().unbind(1)
    labels = torch.cat([points.positions[0], mass[rows, columns, None].clamp_max(1)], 1)
    return labels.masked_fill(points.scores[0, :, None] <= 0, torch.nan)


def adapt(network: SuperPoint, photo: Tensor, config: LabelConfig, engine: Engine, seed: int) -> Tensor:
    """The mean (H,W) of the heatmaps of many views of a photograph (H,W) uint8, each warped back."""
    size = (photo.shape[0], photo.shape[1])
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(size, device=engine.device)
    count = torch.zeros(size, device=engine.device)
    image = photo[None, None].to(engine.device).float() / 255
    for H, seen in views_of(image, config.homographies, config.batch, config.homography, generator):
        logits, _ = engine.answer(network, seen)
        back = look(H.inverse(), size)
        weight = is_inside(back.unbind(1), size, config.erosion).float()
        total += (resample(to_heatmap(logits)[:, None], back)[:, 0] * weight).sum(0)
        count += weight.sum(0)
    return total / count.clamp_min(1)
