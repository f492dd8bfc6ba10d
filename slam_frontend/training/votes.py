"""Labels by votes: which points of a photograph are found again from view to view, and where."""

import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.models.heatmap import blur, find_points, sharpen, to_heatmap
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import LabelConfig
from slam_frontend.training.engine import Engine
from slam_frontend.training.homographies import is_inside, look, transform, views_of
from slam_frontend.training.photometric import relight

LEAST_SCORE = 1e-4  # of a point in a view: the best count, however weak
SAME_POINT = 2.0  # pixels of the photograph, between a point and what a view found of it
LEAST_VIEWS = 3  # that a share of them is taken of, where fewer see a place
BORDER = 4  # pixels of a view in which nothing is found


def label_by_votes(network: SuperPoint, photo: Tensor, config: LabelConfig, engine: Engine, seed: int) -> Tensor:
    """The points (count,3) x, y, confidence of a photograph (H,W) uint8, NaN where there are fewer.

    Each view, in other light and with noise, votes with the keypoints that the network finds in it. A point lies at
    the mean of the votes around it; its confidence is the share of the views that see its place and found it there.
    """
    votes, sights = _poll(network, photo, config, engine, seed)
    count = config.count
    density = _density(votes, sights)
    points = find_points(density[None], count, 0.0, config.nms_radius, config.erosion)
    found = _centre(_centre(points.positions[0], votes), votes)
    near = torch.cdist(found, votes.flatten(0, 1)).view(len(found), *votes.shape[:2]) <= SAME_POINT
    columns, rows = (found[:, axis].round().long().clamp(0, density.shape[1 - axis] - 1) for axis in (0, 1))
    confidence = near.any(2).sum(1) / sights[rows, columns].clamp_min(LEAST_VIEWS)
    labels = torch.cat([found, confidence.clamp_max(1)[:, None]], 1)
    labels = labels.masked_fill(points.scores[0, :, None] <= 0, torch.nan)
    return F.pad(labels, (0, 0, 0, count - len(labels)), value=torch.nan)


def _poll(network: SuperPoint, photo: Tensor, config: LabelConfig, engine: Engine, seed: int) -> tuple[Tensor, Tensor]:
    """What the views (V,K,2) found, in pixels of the photograph and far away where nothing; and how many of them see
    each pixel (H,W)."""
    size = (photo.shape[0], photo.shape[1])
    generator = torch.Generator().manual_seed(seed)
    image = photo[None, None].to(engine.device).float() / 255
    sights = torch.zeros(size, device=engine.device)
    votes = []
    for H, view in views_of(image, config.homographies, config.batch, config.homography, generator):
        seen = relight(view, generator)
        heatmap = to_heatmap(engine.answer(network, seen)[0])
        points = find_points(
            sharpen(heatmap, seen) if config.sharpen else heatmap, config.count, LEAST_SCORE, config.nms_radius, BORDER
        )
        places = transform(H, points.positions)
        is_vote = (points.scores > 0) & is_inside(places.unbind(-1), size)
        votes.append(torch.where(is_vote[..., None], places, -torch.inf))
        inset = config.erosion + BORDER
        sights += is_inside(look(H.inverse(), size).unbind(1), size, inset).float().sum(0)
    return torch.cat(votes), sights


def _density(votes: Tensor, sights: Tensor) -> Tensor:
    """Votes (V,K,2) around each pixel (H,W) per view that sees it."""
    height, width = sights.shape
    places = votes.flatten(0, 1)
    columns, rows = places[torch.isfinite(places).all(1)].round().long().unbind(1)
    counts = torch.zeros(height * width, device=sights.device)
    counts.index_add_(0, rows * width + columns, torch.ones_like(rows, dtype=counts.dtype))
    return blur(counts.view(1, 1, height, width))[0, 0] / sights.clamp_min(LEAST_VIEWS)


def _centre(points: Tensor, votes: Tensor) -> Tensor:
    """The points (N,2), each at the mean of the votes (V,K,2) near it."""
    places = votes.flatten(0, 1)
    near = (torch.cdist(points, places) <= SAME_POINT).float()
    means = near @ places.nan_to_num(neginf=0.0) / near.sum(1, keepdim=True).clamp_min(1)
    return torch.where(near.any(1, keepdim=True), means, points)
