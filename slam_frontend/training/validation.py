"""A small, fast validation on random warps of held-out photographs; evaluation/ has the full protocols."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from slam_frontend.models.heatmap import find_points, sample, sharpen, to_heatmap
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
from slam_frontend.training.photometric import relight
from slam_frontend.training.pictures import paint_matches

WARPS = HomographyConfig(rotation=0.6, scale=1.3, perspective=0.1, translation=0.05)
POINTS = 300
RIGHT_WITHIN = 3.0  # pixels
CHUNK = 16
SEED = 20260


class Found(NamedTuple):
    """Points of one image."""

    positions: Tensor  # (N,2)
    descriptors: Tensor  # (N,D)


@dataclass(frozen=True)
class Finder:
    """A network as its extractor will use it: with ``sharpen`` points lie where the image's structure is strongest."""

    network: SuperPoint
    engine: Engine
    sharpen: bool

    def find(self, images: Tensor) -> list[Found]:
        """Points and descriptors of each image (B,1,H,W) in 0..1."""
        logits, coarse = self.engine.answer(self.network, images)
        heatmap = to_heatmap(logits)
        points = find_points(sharpen(heatmap, images) if self.sharpen else heatmap, POINTS, threshold=1e-4)
        descriptors = sample(coarse, points.positions)
        kept = points.scores > 0
        return [
            Found(points.positions[row][kept[row]].cpu(), descriptors[row][kept[row]].cpu())
            for row in range(len(images))
        ]


class WarpedPair(NamedTuple):
    """A batch of photographs and warped, relit and noisy versions of them."""

    images: Tensor  # (B,1,H,W) in 0..1
    others: Tensor  # (B,1,H,W) in 0..1
    H_1_0: Tensor  # (B,3,3) on the CPU


def judge_pairs(finder: Finder, photos: Tensor) -> dict[str, float]:
    """Repeatability, localisation error (pixels; none where no point is found again), matching precision at 3 px;
    ``score`` weighs the three."""
    figures = []
    generator = torch.Generator().manual_seed(SEED)
    size = (photos.shape[1], photos.shape[2])
    for part in torch.split(photos, CHUNK):
        pair = _warp(part, finder.engine, generator)
        found0, found1 = finder.find(pair.images), finder.find(pair.others)
        figures += [_judge(*views, size) for views in zip(found0, found1, pair.H_1_0, strict=True)]
    repeatability, error, precision = torch.tensor(figures).nanmean(0).tolist()
    is_known = math.isfinite(error)
    score = repeatability + precision - 0.2 * (error if is_known else RIGHT_WITHIN)
    known = {"localisation": error} if is_known else {}
    return {"score": score, "repeatability": repeatability, **known, "precision": precision}


def draw_matches(finder: Finder, photos: Tensor) -> Tensor:
    """A picture of the first photograph, its warp, and their mutual matches."""
    pair = _warp(photos[:1], finder.engine, torch.Generator().manual_seed(SEED))
    (found0,), (found1,) = finder.find(pair.images), finder.find(pair.others)
    rows0, rows1 = _mutual(found0, found1)
    positions0, positions1 = found0.positions[rows0], found1.positions[rows1]
    errors = (transform(pair.H_1_0, positions0[None])[0] - positions1).norm(dim=1)
    images = pair.images[0, 0].cpu(), pair.others[0, 0].cpu()
    return paint_matches(*images, positions0, positions1, errors <= RIGHT_WITHIN)


def _warp(photos: Tensor, engine: Engine, generator: torch.Generator) -> WarpedPair:
    images = photos[:, None].float() / 255
    size = (photos.shape[1], photos.shape[2])
    H_0_1 = random_homographies(len(photos), size, WARPS, generator)
    warped = resample(images, look(H_0_1.to(engine.device), size))
    return WarpedPair(images, relight(warped, generator), H_0_1.inverse())


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
    rows0, rows1 = _mutual(found0, found1)
    errors = (in_1[rows0] - found1.positions[rows1]).norm(dim=1)
    return float((errors <= RIGHT_WITHIN).float().mean()) if len(errors) else 0.0


def _mutual(found0: Found, found1: Found) -> tuple[Tensor, Tensor]:
    similarity = found0.descriptors @ found1.descriptors.T
    forward, backward = similarity.argmax(1), similarity.argmax(0)
    rows = (backward[forward] == torch.arange(len(forward))).nonzero()[:, 0]
    return rows, forward[rows]
