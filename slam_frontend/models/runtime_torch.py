"""The network run by torch: as it is on a CPU, recorded as a CUDA graph on a GPU."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from slam_frontend.models.cuda_graph import Call, Recorded
from slam_frontend.models.heatmap import to_heatmap
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.types import Array

logger = logging.getLogger(__name__)


class TorchRuntime:
    """Runs on the GPU if there is one."""

    def __init__(self, weights: Path, precision: str = "float", channels_last: bool = True) -> None:
        self._network, self.card = load_checkpoint(weights)
        if channels_last:  # twice as fast on a CPU, and what a GPU's tensor cores want
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._call: Call = self._look
        if self._device.type == "cuda":
            self._network.to(self._device, torch.float16 if precision == "half" else torch.float32)
            self._call = Recorded(self._look)
        elif precision == "half":
            logger.warning("torch can't use the GPU of this machine; the network runs on the CPU in float")

    @torch.inference_mode()
    def run(self, image: Array) -> tuple[Array, Array]:
        """The heatmap (H,W) float32 and unit descriptors (D,H/8,W/8) of an image (H,W) uint8."""
        heatmap, coarse = self._call(torch.from_numpy(image).to(self._device))
        return heatmap.cpu().numpy(), coarse.cpu().numpy()

    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmap and descriptors of pixels (H,W) on the device, in float32 whatever the network computes in."""
        images = pixels[None, None].to(next(self._network.parameters()).dtype) / 255
        logits, coarse = self._network(images)
        return to_heatmap(logits)[0], coarse[0].float()
