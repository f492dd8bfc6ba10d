"""The network, and what finds keypoints in its answer, on a GPU: recorded as one CUDA graph."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.models.cuda_graph import Recorded
from slam_frontend.models.heatmap import SHARPEN_REACH, find_points, sample, sharpen, to_heatmap
from slam_frontend.models.keypoints import FoundKeypoints, WantedKeypoints
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime_torch import TorchRuntime, show
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.types import Array

logger = logging.getLogger(__name__)

DEVICE = "cuda"


class CudaRuntime:
    """Runs on the GPU: what comes back of an image is its keypoints alone."""

    def __init__(self, weights: Path, precision: str) -> None:
        self._network, self.card = load_checkpoint(weights)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as tensor cores want it
        self._network.to(DEVICE, torch.float16 if precision == "half" else torch.float32)
        self._show = Recorded(partial(show, self._network))
        self._finds: dict[WantedKeypoints, Recorded] = {}

    @torch.inference_mode()
    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8."""
        heatmap, coarse = self._show(_on_gpu(image))
        return heatmap.cpu().numpy(), coarse.cpu().numpy()

    @torch.inference_mode()
    def find(self, image: Array, wanted: WantedKeypoints, count: int) -> FoundKeypoints:
        """The best of the wanted keypoints, ``count`` at most, of an image (H,W) uint8 of any size. What is recorded
        finds all that are wanted, whatever the count."""
        if wanted not in self._finds:
            self._finds[wanted] = Recorded(partial(find_in, self._network, wanted))
        points, descriptors = self._finds[wanted](_on_gpu(image))
        together = torch.cat([points[:count], descriptors[:count]], 1).cpu().numpy()  # one copy
        together = together[together[:, 2] > 0]
        return FoundKeypoints(*(together[:, columns].copy() for columns in (slice(2), 2, slice(3, None))))


def create_torch(weights: Path, precision: str) -> TorchRuntime | CudaRuntime:
    """Torch on the GPU if there is one that it can use, else on the CPU."""
    if torch.cuda.is_available():
        return CudaRuntime(weights, precision)
    if precision == "half":
        logger.warning("torch can't use the GPU of this machine; the network runs on the CPU in float")
    return TorchRuntime(weights)


def find_in(network: SuperPoint, wanted: WantedKeypoints, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The best points (N,3) x, y, score of pixels (H,W) uint8 and their descriptors (N,D); score 0 where there are
    fewer points than wanted. decode.find does the same in numpy."""
    height, width = pixels.shape
    images = pixels[None, None].float() / 255
    whole = F.pad(images, (0, -width % CELL, 0, -height % CELL), mode="replicate")
    logits, coarse = network(whole.to(next(network.parameters()).dtype))
    heatmap = to_heatmap(logits)[:, :height, :width]
    if wanted.sharpen and min(height, width) > SHARPEN_REACH:
        heatmap = sharpen(heatmap, images)
    points = find_points(heatmap, wanted.at_most, wanted.threshold, wanted.nms_radius, wanted.border)
    descriptors = sample(coarse, points.positions)
    return torch.cat([points.positions, points.scores[..., None]], 2)[0], descriptors[0]


def _on_gpu(image: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).to(DEVICE)
