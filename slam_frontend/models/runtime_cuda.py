"""The network and what finds keypoints in its answer on a GPU, all recorded as one CUDA graph."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.models.cuda_graph import Recorded
from slam_frontend.models.decode import Found, Wanted
from slam_frontend.models.heatmap import find_points, sample, sharpen, to_heatmap
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime_torch import TorchRuntime
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.types import Array

logger = logging.getLogger(__name__)


def create_torch(weights: Path, precision: str = "float") -> TorchRuntime:
    """Torch on the GPU if there is one that it can use, else on the CPU."""
    if torch.cuda.is_available():
        return CudaRuntime(weights, precision)
    if precision == "half":
        logger.warning("torch can't use the GPU of this machine; the network runs on the CPU in float")
    return TorchRuntime(weights)


class CudaRuntime(TorchRuntime):
    """Runs on the GPU: what comes back of an image is its keypoints alone."""

    def __init__(self, weights: Path, precision: str = "half") -> None:
        super().__init__(weights)
        self._device = torch.device("cuda")
        self._network.to(self._device, torch.float16 if precision == "half" else torch.float32)
        self._look = Recorded(super().look)
        self._finds: dict[Wanted, Recorded] = {}

    def look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """As on the CPU, by one launch."""
        return self._look(pixels.to(self._device))

    @torch.inference_mode()
    def find(self, image: Array, wanted: Wanted) -> Found:
        """The keypoints of an image (H,W) uint8 of any size, with their descriptors."""
        if wanted not in self._finds:
            self._finds[wanted] = Recorded(lambda pixels: find_in(self._network, pixels, wanted))
        points, descriptors = self._finds[wanted](torch.from_numpy(np.ascontiguousarray(image)).to(self._device))
        together = torch.cat([points, descriptors], 1).cpu().numpy()  # one copy
        together = together[together[:, 2] > 0]
        return Found(*(together[:, columns].copy() for columns in (slice(2), 2, slice(3, None))))


def find_in(network: SuperPoint, pixels: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
    """The best points (N,3) x, y, score of pixels (H,W) uint8 and their descriptors (N,D); score 0 where there are
    fewer points than wanted. decode.find does the same in numpy."""
    height, width = pixels.shape
    images = pixels[None, None].float() / 255
    whole = F.pad(images, (0, -width % CELL, 0, -height % CELL), mode="replicate")
    logits, coarse = network(whole.to(next(network.parameters()).dtype))
    heatmap = to_heatmap(logits)[:, :height, :width]
    if wanted.sharpen:
        heatmap = sharpen(heatmap, images)
    points = find_points(heatmap, wanted.max_keypoints, wanted.threshold, wanted.nms_radius, wanted.border)
    descriptors = sample(coarse, points.positions)
    return torch.cat([points.positions, points.scores[..., None]], 2)[0], descriptors[0]
