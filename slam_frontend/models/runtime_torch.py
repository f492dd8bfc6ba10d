"""The network run by torch, on a CPU; runtime_cuda.py is the GPU's."""

from pathlib import Path

import torch
from torch import Tensor

from slam_frontend.models.heatmap import to_heatmap
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.types import Array


class TorchRuntime:
    """Runs on the CPU."""

    def __init__(self, weights: Path, channels_last: bool = True) -> None:
        self._network, self.card = load_checkpoint(weights)
        if channels_last:  # twice as fast
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8."""
        heatmap, coarse = show(self._network, torch.from_numpy(image))
        return heatmap.numpy(), coarse.numpy()


def show(network: SuperPoint, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Heatmap and descriptors of pixels (H,W) uint8 on the network's device, in float32 whatever it computes in."""
    images = pixels[None, None].to(next(network.parameters()).dtype) / 255
    logits, coarse = network(images)
    return to_heatmap(logits)[0], coarse[0].float()
