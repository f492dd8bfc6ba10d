"""Labels moved to where both views of a pair see the point: teachers are right about what, less about where."""

import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.training.homographies import transform

RADIUS = 3  # pixels around the label that are looked at
PRIOR_DEVIATION = 1.5  # pixels by which a label is expected to be wrong
FLOOR = 1e-3  # a probability; where neither view sees anything the label stays where it is


def settle(points0: Tensor, heatmap0: Tensor, heatmap1: Tensor, H_1_0: Tensor) -> Tensor:
    """The points (B,K,2) of the first view at the centre of mass of what both heatmaps (B,H,W) say around them."""
    steps = torch.arange(-RADIUS, RADIUS + 1, device=points0.device, dtype=points0.dtype)
    dy, dx = torch.meshgrid(steps, steps, indexing="ij")
    offsets = torch.stack([dx, dy], -1).view(-1, 2)  # (49,2)
    prior = torch.exp(-offsets.square().sum(1) / (2 * PRIOR_DEVIATION**2))
    batch, count = points0.shape[:2]
    around0 = (points0[:, :, None] + offsets).view(batch, -1, 2)
    around1 = transform(H_1_0, around0)
    evidence = (_read(heatmap0, around0) + FLOOR) * (_read(heatmap1, around1) + FLOOR)
    weights = evidence.view(batch, count, -1) * prior
    weights = weights / weights.sum(2, keepdim=True)
    return points0 + (weights @ offsets).nan_to_num()  # a network that has diverged is the loss's to tell


def _read(heatmap: Tensor, positions: Tensor) -> Tensor:
    """The values (B,N) of heatmaps (B,H,W) at positions (B,N,2), 0 outside."""
    size = positions.new_tensor([heatmap.shape[2], heatmap.shape[1]])
    grid = ((2 * positions + 1) / size - 1).clamp(-4, 4)
    return F.grid_sample(heatmap[:, None], grid[:, None], align_corners=False)[:, 0, 0]
