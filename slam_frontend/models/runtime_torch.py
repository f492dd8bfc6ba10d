"""The network run by torch on a CPU; what a GPU does besides, runtime_cuda.py tells."""

from pathlib import Path

import torch
from torch import Tensor

from slam_frontend.models.heatmap import to_heatmap
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.types import Array


class TorchRuntime:
    """Runs on the CPU."""

    def __init__(self, weights: Path, channels_last: bool = True) -> None:
        self._network, self.card = load_checkpoint(weights)
        if channels_last:  # twice as fast on a CPU, and what a GPU's tensor cores want
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8."""
        heatmap, coarse = self.look(torch.from_numpy(image))
        return heatmap.cpu().numpy(), coarse.cpu().numpy()

    def look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmap and descriptors of pixels (H,W) on the device, in float32 whatever the network computes in."""
        images = pixels[None, None].to(next(self._network.parameters()).dtype) / 255
        logits, coarse = self._network(images)
        return to_heatmap(logits)[0], coarse[0].float()
