"""Pictures of what the network sees, painted in torch so that they need nothing else; (3,H,W) in 0..1."""

import torch
from torch import Tensor

RIGHT = (0.1, 0.9, 0.2)
WRONG = (0.9, 0.2, 0.1)
STEPS = 160  # dots a line is made of


def paint_points(image: Tensor, positions: Tensor) -> Tensor:
    """A grey image (H,W) with small crosses at positions (N,2)."""
    picture = image[None].repeat(3, 1, 1)
    for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        _dot(picture, positions + positions.new_tensor([dx, dy]), RIGHT)
    return picture


def paint_matches(image0: Tensor, image1: Tensor, positions0: Tensor, positions1: Tensor, right: Tensor) -> Tensor:
    """Two grey images (H,W) side by side, with lines between matches (N,2), those that are right (N,) in green."""
    picture = torch.cat([paint_points(image0, positions0), paint_points(image1, positions1)], 2)
    ends = positions1 + positions1.new_tensor([image0.shape[1], 0])
    along = torch.linspace(0, 1, STEPS)[:, None, None]
    lines = positions0 + along * (ends - positions0)  # (STEPS,N,2)
    for colour, chosen in ((WRONG, ~right), (RIGHT, right)):
        _dot(picture, lines[:, chosen].reshape(-1, 2), colour)
    return picture


def _dot(picture: Tensor, positions: Tensor, colour: tuple[float, float, float]) -> None:
    columns = positions[:, 0].round().long().clamp(0, picture.shape[2] - 1)
    rows = positions[:, 1].round().long().clamp(0, picture.shape[1] - 1)
    picture[:, rows, columns] = picture.new_tensor(colour)[:, None]
