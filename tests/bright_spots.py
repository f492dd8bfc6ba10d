"""A photograph of bright spots, and a detector that finds what is bright."""

import torch
from torch import nn

from slam_frontend.models.network_config import FAST
from slam_frontend.training.config import LabelConfig
from slam_frontend.training.engine import Engine

CPU = Engine(torch.device("cpu"), torch.float32)
FEW = LabelConfig(homographies=12, batch=4, shard=2, count=20, threshold=0.01)
SPOTS = torch.tensor([[40.0, 30.0], [80.0, 60.0], [90.0, 20.0]])


class BrightSpots(nn.Module):
    """A detector that finds bright pixels."""

    config = FAST

    def forward(self, images):
        cells = nn.functional.pixel_unshuffle(images, 8) * 12
        return torch.cat([cells, torch.full_like(cells[:, :1], 8)], 1), cells[:, :4]


def photo_with(spots):
    photo = torch.zeros(96, 128)
    for x, y in spots:
        photo[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 200
        photo[int(y), int(x)] = 255
    return photo.to(torch.uint8)
