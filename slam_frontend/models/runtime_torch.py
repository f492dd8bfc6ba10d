"""The network run by torch."""

from pathlib import Path

import torch

from slam_frontend.models.weights import load_checkpoint
from slam_frontend.types import Array


class TorchRuntime:
    """Runs on the GPU if there is one."""

    def __init__(self, weights: Path) -> None:
        network, self.card = load_checkpoint(weights)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device)

    def run(self, images: Array) -> tuple[Array, Array]:
        """Logits (B,65,H/8,W/8) and unit descriptors (B,D,H/8,W/8) of images (B,1,H,W) float32 in 0..1."""
        with torch.inference_mode():
            logits, coarse = self.network(torch.from_numpy(images).to(self.device))
        return logits.cpu().numpy(), coarse.cpu().numpy()
