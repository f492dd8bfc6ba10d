"""What the network is told: losses of tensors alone, each a mean over images of the mean inside an image."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.models.network_config import CELL
from slam_frontend.training.draws import uniform

OUT_OF_THE_RACE = -60.0  # a logit that no softmax notices, yet whose exponential is no slow denormal number


class Correspondences(NamedTuple):
    """Descriptors of the same N places in two images, and where these lie in pixels of the second."""

    descriptors0: Tensor  # (B,N,D) unit rows
    descriptors1: Tensor  # (B,N,D) unit rows
    positions1: Tensor  # (B,N,2)
    valid: Tensor  # (B,N) bool: seen by both
    weights: Tensor  # (B,N) of each one's own match, 0 where it isn't valid; as negatives all count alike


DescriptorLoss = Callable[[Correspondences], Tensor]


def soft_target(points: Tensor, confidence: Tensor, size: tuple[int, int]) -> Tensor:
    """Class probabilities (B,65,H/8,W/8) with the confidence (B,N) of each point (B,N,2), 0 for one that isn't seen,
    shared out among its four pixels; the rest is the dustbin's."""
    corner = points.floor()
    fraction = points - corner
    heat = points.new_zeros(len(points), size[0] * size[1])
    for dx in (0, 1):
        for dy in (0, 1):
            weight_x = fraction[..., 0] if dx else 1 - fraction[..., 0]
            weight_y = fraction[..., 1] if dy else 1 - fraction[..., 1]
            x, y = corner[..., 0] + dx, corner[..., 1] + dy
            inside = (x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])
            flat = torch.where(inside, y * size[1] + x, torch.zeros_like(x)).long()
            heat.scatter_add_(1, flat, torch.where(inside, confidence * weight_x * weight_y, torch.zeros_like(x)))
    cells = F.pixel_unshuffle(heat.view(-1, 1, *size), CELL)  # (B,64,H/8,W/8)
    mass = cells.sum(1, keepdim=True)
    return torch.cat([cells / mass.clamp_min(1), (1 - mass).clamp_min(0)], 1)


def hard_target(points: Tensor, valid: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """The paper's one-hot classes (B,65,H/8,W/8): the nearest pixel, one point of a cell chosen at random."""
    pixels = points.round()
    inside = valid & (pixels >= 0).all(-1) & (pixels[..., 0] < size[1]) & (pixels[..., 1] < size[0])
    flat = torch.where(inside, pixels[..., 1] * size[1] + pixels[..., 0], torch.zeros_like(pixels[..., 0])).long()
    lots = uniform(generator, *flat.shape) * 0.9 + 0.1
    heat = points.new_zeros(len(points), size[0] * size[1])
    heat.scatter_reduce_(1, flat, torch.where(inside, lots, torch.zeros_like(lots)), "amax")
    cells = F.pixel_unshuffle(heat.view(-1, 1, *size), CELL)
    best, classes = cells.max(1)
    classes = torch.where(best > 0, classes, torch.full_like(classes, CELL * CELL))
    return F.one_hot(classes, CELL * CELL + 1).permute(0, 3, 1, 2).to(points.dtype)


def detector_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy over the cells of the mask (B,H/8,W/8); eq. 2 of the paper."""
    entropy = -(target * logits.float().log_softmax(1)).sum(1)
    return per_image_mean(entropy, mask)


def per_image_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over images of the mean of each image's masked values."""
    values, weights = values.flatten(1), mask.flatten(1).to(values.dtype)
    return ((values * weights).sum(1) / weights.sum(1).clamp_min(1)).mean()


def dual_softmax_loss(pairs: Correspondences, temperature: float = 0.07) -> Tensor:
    """Negative log-likelihood of the right match in both directions; places within half a cell don't compete."""
    similarity = pairs.descriptors0 @ pairs.descriptors1.transpose(1, 2) / temperature  # (B,N,N)
    similarity = similarity.masked_fill(_not_a_negative(pairs, CELL / 2), OUT_OF_THE_RACE)
    right = similarity.diagonal(dim1=1, dim2=2)
    loss = 0.5 * (similarity.logsumexp(2) + similarity.logsumexp(1)) - right
    return per_image_mean(loss.masked_fill(~pairs.valid, 0), pairs.weights)


def sparse_hinge_loss(pairs: Correspondences, negatives: int = 20) -> Tensor:
    """The paper's hinge with the hardest negatives of each place only."""
    similarity = pairs.descriptors0 @ pairs.descriptors1.transpose(1, 2)
    right = similarity.diagonal(dim1=1, dim2=2)
    wrong = similarity.masked_fill(_not_a_negative(pairs, CELL) | _diagonal(similarity), -1)
    hardest = wrong.topk(min(negatives, wrong.shape[2]), dim=2).values
    there = (hardest > -1).sum(2).clamp_min(1)
    loss = (1 - right).clamp_min(0) + (hardest - 0.2).clamp_min(0).sum(2) / there
    return per_image_mean(loss, pairs.weights)


def hardest_triplet_loss(pairs: Correspondences, margin: float = 0.5) -> Tensor:
    """The right match must be nearer than the nearest wrong one, by a margin of squared distance."""
    similarity = pairs.descriptors0 @ pairs.descriptors1.transpose(1, 2)
    right = similarity.diagonal(dim1=1, dim2=2)
    wrong = similarity.masked_fill(_not_a_negative(pairs, CELL) | _diagonal(similarity), -1).amax(2)
    return per_image_mean((margin + 2 * wrong - 2 * right).clamp_min(0), pairs.weights)


def dense_hinge_loss(
    coarse0: Tensor,
    coarse1: Tensor,
    centres0_in_1: Tensor,
    mask0: Tensor,
    mask1: Tensor,
    positive_weight: float = 250.0,
) -> Tensor:
    """The paper's eq. 5-6 over all pairs of cells of both masks (B,h,w); ``centres0_in_1`` (B,N,2) are the first
    image's in the second."""
    height, width = coarse1.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centres1 = torch.stack([columns, rows], -1).reshape(1, -1, 2).to(coarse1.device) * CELL + (CELL - 1) / 2
    same = torch.cdist(centres0_in_1, centres1.expand(len(coarse1), -1, -1).float()) <= CELL - 0.5
    similarity = coarse0.float().flatten(2).transpose(1, 2) @ coarse1.float().flatten(2)  # (B,N,N)
    right = positive_weight * same * (1 - similarity).clamp_min(0)
    wrong = ~same * (similarity - 0.2).clamp_min(0)
    return per_image_mean(right + wrong, mask0.flatten(1)[:, :, None] * mask1.flatten(1)[:, None])


SPARSE_LOSSES: dict[str, DescriptorLoss] = {
    "dual_softmax": dual_softmax_loss,
    "sparse_hinge": sparse_hinge_loss,
    "hardest_triplet": hardest_triplet_loss,
}


def _not_a_negative(pairs: Correspondences, radius: float) -> Tensor:
    """(B,N,N) True where column's place is invalid or the row's own, seen within the radius; False on the diagonal."""
    near = torch.cdist(pairs.positions1, pairs.positions1) < radius
    excluded = near | ~pairs.valid[:, None, :] | ~pairs.valid[:, :, None]
    return excluded & ~_diagonal(excluded)


def _diagonal(matrix: Tensor) -> Tensor:
    return torch.eye(matrix.shape[-1], dtype=torch.bool, device=matrix.device)[None]
