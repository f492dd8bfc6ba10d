"""Heatmaps and descriptors of batches in torch, for training, labelling and GPUs; decode.py does one image in numpy.

Nothing here may wait for the device or copy to it: a GPU records all of it.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.models.network_config import CELL

REFINE_RADIUS = 2  # pixels, as in decode.py
SHARPEN_SIGMA = 1.5  # pixels, as there
SHARPEN_REACH = 4  # pixels that its Gaussian and its neighbourhood reach far; an image must be larger


class Points(NamedTuple):
    """The best points of each image of a batch; rows without a point have score 0."""

    positions: Tensor  # (B,K,2) x, y
    scores: Tensor  # (B,K)


def to_heatmap(logits: Tensor) -> Tensor:
    """The probability of a point at each pixel, (B,H,W) float32, of logits (B,65,H/8,W/8)."""
    probabilities = logits.float().softmax(1)[:, :-1]  # (B,64,H/8,W/8)
    return F.pixel_shuffle(probabilities, CELL)[:, 0]


def suppress(heatmap: Tensor, radius: int) -> Tensor:
    """The heatmap (B,H,W) with zeros wherever a higher value lies within the square of the given radius."""
    return heatmap * (heatmap == _highest_near(heatmap[:, None], radius)[:, 0])


def find_points(heatmap: Tensor, count: int, threshold: float, radius: int = 4, border: int = 4) -> Points:
    """At most ``count`` points of each heatmap (B,H,W), best first, refined below the pixel."""
    peaks = suppress(heatmap, radius)
    inside = torch.zeros_like(peaks)
    height, width = peaks.shape[1:]
    inside[:, border : height - border, border : width - border] = 1
    peaks = peaks * inside * (peaks > threshold)
    scores, flat = peaks.flatten(1).topk(min(count, height * width))
    rows, columns = flat // width, flat % width
    return Points(refine(heatmap, torch.stack([columns, rows], -1)), scores)


def refine(heatmap: Tensor, pixels: Tensor) -> Tensor:
    """The centres of mass (B,K,2) of the 5x5 squares around integer pixels (B,K,2)."""
    radius = REFINE_RADIUS
    padded = F.pad(heatmap, (radius,) * 4)
    width = padded.shape[2]
    offsets = torch.arange(-radius, radius + 1, device=heatmap.device)
    dy, dx = torch.meshgrid(offsets, offsets, indexing="ij")
    steps = (dy * width + dx).flatten()
    start = (pixels[..., 1] + radius) * width + pixels[..., 0] + radius
    windows = padded.flatten(1).gather(1, (start[..., None] + steps).flatten(1)).view(*start.shape, -1)
    weights = windows / windows.sum(-1, keepdim=True).clamp_min(1e-12)
    shift = torch.stack([(weights * dx.flatten()).sum(-1), (weights * dy.flatten()).sum(-1)], -1)
    return pixels + shift


def sharpen(heatmap: Tensor, images: Tensor) -> Tensor:
    """Heatmaps (B,H,W) times how much of a corner each pixel is among its neighbours in the images (B,1,H,W) of any
    scale: the smaller eigenvalue of the structure tensor (Shi and Tomasi 1994), squared, over the highest near by."""
    spread = blur(heatmap[:, None])[:, 0] * (2 * torch.pi * SHARPEN_SIGMA**2)  # about a point's mass
    cornerness = _min_eigenvalue(blur(images))
    highest = _highest_near(cornerness, SHARPEN_REACH)
    floor = 1e-6 * cornerness.amax((2, 3), keepdim=True) + 1e-12
    return spread * (cornerness / (highest + floor)).square()[:, 0]


def blur(planes: Tensor) -> Tensor:
    """Planes (B,1,H,W) under a Gaussian."""
    radius = SHARPEN_REACH
    steps = torch.arange(-radius, radius + 1, device=planes.device, dtype=planes.dtype)
    kernel = torch.exp(-steps.square() / (2 * SHARPEN_SIGMA**2))
    kernel = kernel / kernel.sum()
    padded = F.pad(planes, (radius,) * 4, mode="reflect")
    return _convolve(_convolve(padded, kernel[None]), kernel[:, None])


def sample(coarse: Tensor, positions: Tensor) -> Tensor:
    """Unit descriptors (B,K,D) at pixel positions (B,K,2), read from a coarse map (B,D,H/8,W/8)."""
    x, y = positions.unbind(-1)
    right, down = CELL * coarse.shape[3], CELL * coarse.shape[2]
    grid = torch.stack([2 * (x + 0.5) / right - 1, 2 * (y + 0.5) / down - 1], -1)  # exact with align_corners=False
    values = F.grid_sample(coarse.float(), grid[:, None], padding_mode="border", align_corners=False)[:, :, 0]
    return F.normalize(values.transpose(1, 2), dim=-1)


def _highest_near(planes: Tensor, radius: int) -> Tensor:
    """The highest value within the square around each place of planes (B,1,H,W); along rows, then columns: a third of
    the time."""
    side = 2 * radius + 1
    along = F.max_pool2d(planes, (1, side), stride=1, padding=(0, radius))
    return F.max_pool2d(along, (side, 1), stride=1, padding=(radius, 0))


def _min_eigenvalue(planes: Tensor) -> Tensor:
    """The smaller eigenvalue (B,1,H,W) of the structure tensor over 3x3 pixels, up to a constant factor."""
    steps = torch.arange(-1, 2, device=planes.device, dtype=planes.dtype)
    sobel = (2 - steps.abs())[:, None] * steps
    dx, dy = (_convolve(F.pad(planes, (1,) * 4, mode="reflect"), kernel) for kernel in (sobel, sobel.T))
    products = F.pad(torch.cat([dx * dx, dy * dy, dx * dy], 1), (1,) * 4, mode="reflect")
    a, b, c = F.avg_pool2d(products, 3, stride=1)[:, :, None].unbind(1)
    return ((a + b) / 2 - (((a - b) / 2).square() + c * c).sqrt()).clamp_min(0)


def _convolve(planes: Tensor, kernel: Tensor) -> Tensor:
    """Planes (B,1,H,W) under a kernel (h,w), without a border; taken as B channels a CPU is twenty times as fast."""
    count = len(planes)
    return F.conv2d(planes.transpose(0, 1), kernel.expand(count, 1, -1, -1), groups=count).transpose(0, 1)
