"""A small, fast validation on random warps of held-out photographs; evaluation/ has the full protocols."""

from typing import NamedTuple

import torch
from torch import Tensor

from slam_frontend.models.heatmap import find_points, sample, to_heatmap
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.engine import Engine
from slam_frontend.training.homographies import (
    HomographyConfig,
    is_inside,
    look,
    random_homographies,
    resample,
    transform,
)

WARPS = HomographyConfig(rotation=0.6, scale=1.3, perspective=0.1, translation=0.05)
POINTS = 300
RIGHT_WITHIN = 3.0  # pixels
CHUNK = 16
SEED = 20260


class Found(NamedTuple):
    """Points of one image."""

    positions: Tensor  # (N,2)
    descriptors: Tensor  # (N,D)


def judge_pairs(network: SuperPoint, photos: Tensor, engine: Engine) -> dict[str, float]:
    """Repeatability, localisation error (pixels), matching precision at 3 px; ``score`` weighs the three."""
    figures = []
    generator = torch.Generator().manual_seed(SEED)
    for part in torch.split(photos, CHUNK):
        images = part[:, None].float() / 255
        size = (part.shape[1], part.shape[2])
        H_0_1 = random_homographies(len(part), size, WARPS, generator)
        light = torch.rand(len(part), 2, 1, 1, 1, generator=generator)
        noise = torch.randn(images.shape, generator=generator) * 6 / 255
        warped = resample(images, look(H_0_1.to(engine.device), size))
        other = warped * (0.6 + 0.8 * light[:, 0]).to(engine.device) + (light[:, 1] * 60 - 30).to(engine.device) / 255
        other = (other + noise.to(engine.device)).clamp(0, 1)
        found0, found1 = find(network, images, engine), find(network, other, engine)
        for row in range(len(part)):
            figures.append(_judge(found0[row], found1[row], H_0_1[row].inverse(), size))
    repeatability, error, precision = torch.tensor(figures).nanmean(0).tolist()
    score = repeatability + precision - 0.2 * error
    return {"score": score, "repeatability": repeatability, "localisation": error, "precision": precision}


def find(network: SuperPoint, images: Tensor, engine: Engine) -> list[Found]:
    """Points and descriptors of each image (B,1,H,W) in 0..1."""
    with engine.autocast():
        logits, coarse = network(images.contiguous(memory_format=torch.channels_last))
    points = find_points(to_heatmap(logits), POINTS, threshold=1e-4)
    descriptors = sample(coarse, points.positions)
    kept = points.scores > 0
    return [
        Found(points.positions[row][kept[row]].cpu(), descriptors[row][kept[row]].cpu()) for row in range(len(images))
    ]


def _judge(found0: Found, found1: Found, H_1_0: Tensor, size: tuple[int, int]) -> tuple[float, float, float]:
    in_1 = transform(H_1_0[None], found0.positions[None])[0]
    in_0 = transform(H_1_0.inverse()[None], found1.positions[None])[0]
    shared0, shared1 = is_inside(in_1.unbind(1), size), is_inside(in_0.unbind(1), size)
    distances = torch.cdist(in_1[shared0], found1.positions[shared1])
    if min(distances.shape) == 0:
        return 0.0, float("nan"), 0.0
    nearest0, nearest1 = distances.min(1).values, distances.min(0).values
    near = torch.cat([nearest0[nearest0 <= RIGHT_WITHIN], nearest1[nearest1 <= RIGHT_WITHIN]])
    repeatability = len(near) / sum(distances.shape)
    return repeatability, float(near.mean()), _matching_precision(found0, found1, in_1)


def _matching_precision(found0: Found, found1: Found, in_1: Tensor) -> float:
    similarity = found0.descriptors @ found1.descriptors.T
    forward, backward = similarity.argmax(1), similarity.argmax(0)
    mutual = backward[forward] == torch.arange(len(forward))
    errors = (in_1 - found1.positions[forward]).norm(dim=1)[mutual]
    return float((errors <= RIGHT_WITHIN).float().mean()) if len(errors) else 0.0
