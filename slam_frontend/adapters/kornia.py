"""Our features as a ``LocalFeature`` of kornia, which its matchers and its image stitching take; needs no kornia."""

from typing import Any

import torch
from torch import Tensor, nn

from slam_frontend.adapters.images import is_allowed
from slam_frontend.adapters.lightglue import Extractor
from slam_frontend.types import Array

RADIUS = 16.0  # pixels of the image that a keypoint of the first level stands for


class LocalFeature(nn.Module):
    """Any extractor of the registry; settings are those of the extractor section."""

    def __init__(self, name: str = "superpoint-fast", **settings: Any) -> None:
        super().__init__()
        self.extractor = Extractor(name, **settings)

    def forward(self, img: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Upright frames (B,N,2,3), responses (B,N) and descriptors (B,N,D) of images (B,1|3,H,W) as floats in 0..1,
        none where the mask (B,1,H,W) is 0; images with fewer are filled up with zeros, as kornia's own."""
        found = self.extractor({"image": img})
        keypoints, responses, descriptors = (found[name] for name in ("keypoints", "keypoint_scores", "descriptors"))
        is_found = descriptors.any(-1)
        if mask is not None:
            is_found &= torch.stack([_is_allowed(*pair) for pair in zip(keypoints, mask[:, 0], strict=True)])
        frames = torch.zeros(*keypoints.shape, 3, device=img.device)
        frames[..., :2] = RADIUS * torch.eye(2, device=img.device)
        frames[..., 2] = keypoints
        return frames * is_found[..., None, None], responses * is_found, descriptors * is_found[..., None]


def _is_allowed(keypoints: Tensor, mask: Tensor) -> Tensor:
    allowed: Array = is_allowed(keypoints.cpu().numpy(), mask.cpu().numpy())
    return torch.from_numpy(allowed).to(keypoints.device)
