"""What compression leaves of an image: blocks of 8x8 pixels whose frequencies are rounded, as in JPEG and in videos."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8
# Steps of the luminance's frequencies at quality 50, ITU-T T.81, table K.1
STEPS = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).float()


def compress(images: Tensor, qualities: Tensor) -> Tensor:
    """Grey images (B,1,H,W) in 0..1 as JPEG of the qualities (B,) in 1..100 gives them back, but for its last rounding
    to whole grey levels. Qualities become steps as in the Independent JPEG Group's library."""
    height, width = images.shape[2:]
    padded = F.pad(images, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    percent = torch.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities)[:, None]
    steps = (STEPS.to(images.device).flatten() * percent / 100).round().clamp(1, 255)[..., None, None]
    waves = _waves().to(images.device)
    frequencies = F.conv2d(padded * 255 - 128, waves, stride=BLOCK)  # (B,64,h,w)
    rounded = (frequencies / steps).round() * steps
    result = (F.conv_transpose2d(rounded, waves, stride=BLOCK) + 128) / 255
    return result[:, :, :height, :width].clamp(0, 1)


def _waves() -> Tensor:
    """The orthonormal discrete cosine transform of a block as (64,1,8,8) filters, vertical frequencies first."""
    frequency, place = torch.meshgrid(torch.arange(BLOCK), torch.arange(BLOCK), indexing="ij")
    rows = torch.cos(math.pi / BLOCK * (place + 0.5) * frequency) * math.sqrt(2 / BLOCK)
    rows[0] /= math.sqrt(2)
    return torch.einsum("uy,vx->uvyx", rows, rows).reshape(BLOCK**2, 1, BLOCK, BLOCK)
