"""Random homographies and batched warps, all in torch on the device of their generator and of the images."""

import math
from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.config import Section
from slam_frontend.models.network_config import CELL
from slam_frontend.training.draws import uniform

MIN_DEPTH = 1e-3  # below it the plane turns its back


class HomographyConfig(Section):
    """How far a random view may lie from the one before it."""

    rotation: float = Field(default=0.6, ge=0, le=2 * math.pi)  # radians, uniform on both sides
    scale: float = Field(default=1.4, ge=1, le=10)  # log-uniform between 1/scale and scale
    perspective: float = Field(default=0.15, ge=0, le=0.5)  # corners move by up to this fraction of the size
    translation: float = Field(default=0.15, ge=0, le=1)  # fraction of the size


def random_homographies(
    count: int, size: tuple[int, int], config: HomographyConfig, generator: torch.Generator
) -> Tensor:
    """Homographies (count,3,3) float32 about the centre of an image of size (height, width), on the generator's
    device."""
    draws = uniform(generator, count, 7) * 2 - 1
    angle = draws[:, 0] * config.rotation
    scale = torch.exp(draws[:, 1] * math.log(config.scale))
    tilt = draws[:, 2:4] * config.perspective * 2
    shift = draws[:, 4:6] * config.translation * 2
    aspect = torch.exp(draws[:, 6] * config.perspective)
    H = torch.zeros(count, 3, 3, device=generator.device)
    H[:, 0, 0], H[:, 0, 1] = scale * aspect * angle.cos(), -scale * angle.sin()
    H[:, 1, 0], H[:, 1, 1] = scale * angle.sin(), scale / aspect * angle.cos()
    H[:, :2, 2] = shift
    H[:, 2, :2] = tilt
    H[:, 2, 2] = 1
    to_pixels = unit_to_pixels(size)
    return to_pixels.to(H.device) @ H @ to_pixels.inverse().to(H.device)


def unit_to_pixels(size: tuple[int, int]) -> Tensor:
    """The (3,3) map from a square whose longer image side spans -1..1, centred, to pixels of (height, width)."""
    half = max(size) / 2
    return torch.tensor([[half, 0, (size[1] - 1) / 2], [0, half, (size[0] - 1) / 2], [0, 0, 1.0]])


def transform(H: Tensor, points: Tensor) -> Tensor:
    """The points (B,N,2) moved by the homographies (B,3,3); far away where the plane turns its back."""
    moved = points @ H[:, :, :2].transpose(1, 2) + H[:, None, :, 2]
    return moved[..., :2] / moved[..., 2:].clamp_min(MIN_DEPTH)


def look(H_source_target: Tensor, size: tuple[int, int]) -> Tensor:
    """Where in the source each pixel of a target of size (height, width) comes from: planes x, y (B,2,H,W).
    Written out in planes: products with a last dimension of 2 or 3 take several times longer on a CPU."""
    device = H_source_target.device
    columns = torch.arange(size[1], device=device, dtype=torch.float32)
    rows = torch.arange(size[0], device=device, dtype=torch.float32)
    h = H_source_target[..., None]  # (B,3,3,1)
    along = h[:, :, 0] * columns  # (B,3,W)
    down = h[:, :, 1] * rows + h[:, :, 2]  # (B,3,H)
    moved = along[:, :, None] + down[..., None]  # (B,3,H,W)
    return moved[:, :2] * moved[:, 2:].clamp_min(MIN_DEPTH).reciprocal_()


def resample(images: Tensor, positions: Tensor, padding: str = "zeros") -> Tensor:
    """The images (B,C,h,w) read at positions (B,2,H,W), as (B,C,H,W)."""
    height, width = images.shape[-2:]
    x = (positions[:, 0] * (2 / width)).add_(1 / width - 1).clamp_(-4, 4)
    y = (positions[:, 1] * (2 / height)).add_(1 / height - 1).clamp_(-4, 4)
    return F.grid_sample(images, torch.stack([x, y], -1), padding_mode=padding, align_corners=False)


def views_of(
    image: Tensor, count: int, batch: int, config: HomographyConfig, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random views of an image (1,1,H,W), the first one the image itself, some at a time: the homographies (B,3,3) that
    take their pixels to those of the image, and the views (B,1,H,W)."""
    size = (image.shape[2], image.shape[3])
    homographies = random_homographies(count, size, config, generator)
    homographies[0] = torch.eye(3)
    for H in torch.split(homographies.to(image.device), batch):
        yield H, resample(image.expand(len(H), -1, -1, -1), look(H, size), padding="reflection")


def is_inside(xy: tuple[Tensor, ...], size: tuple[int, int], inset: float = 0) -> Tensor:
    """Which positions lie in an image of size (height, width), at least ``inset`` pixels from its border."""
    x, y = xy
    return (x >= inset) & (x <= size[1] - 1 - inset) & (y >= inset) & (y <= size[0] - 1 - inset)


def whole_cells(positions: Tensor, size: tuple[int, int], inset: float = 0) -> Tensor:
    """Which cells (B,H/8,W/8) of a view come wholly from inside an image of size (height, width); ``positions``
    (B,2,H,W) as from ``look``. A homography keeps a cell convex, so its four corners decide."""
    corners = [positions[:, :, row::CELL, column::CELL] for row in (0, CELL - 1) for column in (0, CELL - 1)]
    return torch.stack([is_inside(corner.unbind(1), size, inset) for corner in corners]).all(0)
