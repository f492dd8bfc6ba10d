"""Our features and matches as the tensor dictionaries of LightGlue, glue-factory and kornia."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slam_frontend.adapters.binary import are_signs, as_floats, for_signs
from slam_frontend.adapters.hloc import similarity
from slam_frontend.config import MatcherConfig, parse_config
from slam_frontend.errors import FrontendError
from slam_frontend.features import create_extractor, parse_features
from slam_frontend.matching import create_matcher
from slam_frontend.types import Array, Features, Matches

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
HIGHEST = 1.5  # of an image in 0..1: bicubic resizing goes beyond 1 at edges, and what is beyond is cut off
TensorDict = dict[str, Tensor]


class Extractor(nn.Module):
    """Any extractor of the registry; settings are those of the extractor section.

    A batch has one number of keypoints: images with fewer are filled up with rows whose score, position and
    descriptor are 0. Keypoints count from the centre of the first pixel.
    """

    def __init__(self, name: str = "superpoint-fast", **settings: Any) -> None:
        super().__init__()
        self.extractor = create_extractor({**parse_features(name), **settings})

    def forward(self, data: TensorDict) -> TensorDict:
        """``keypoints`` (B,N,2), ``keypoint_scores`` (B,N) and ``descriptors`` (B,N,D) of ``image`` (B,1|3,H,W)."""
        _require_pictures(data["image"])
        return self._extract(data["image"])

    def _extract(self, images: Tensor) -> TensorDict:
        found = [self.extractor.extract(image) for image in _to_pictures(images)]
        count = max((len(features) for features in found), default=0)
        filled = {
            "keypoints": [_fill(features.keypoints, count) for features in found],
            "keypoint_scores": [_fill(features.scores, count) for features in found],
            "descriptors": [_fill(as_floats(features), count) for features in found],
        }
        return {name: torch.stack(rows).to(images.device) for name, rows in filled.items()}

    @torch.no_grad()
    def extract(self, image: Tensor, resize: int | None = None) -> TensorDict:
        """Features of one image (1|3,H,W) or a batch, with its ``image_size`` (B,2); ``resize`` is the longer side."""
        images = image[None] if image.ndim == 3 else image
        _require_pictures(images)
        images = images.float()  # half floats neither resize on a CPU nor tell a size
        height, width = images.shape[-2:]
        size = images.new_tensor([width, height])
        if resize is not None:
            ratio = resize / max(height, width)
            target = (round(height * ratio), round(width * ratio))
            images = F.interpolate(images, target, mode="bilinear", align_corners=False, antialias=ratio < 1)
        found = self._extract(images)
        scale = size / size.new_tensor([images.shape[-1], images.shape[-2]])
        found["keypoints"] = (found["keypoints"] + 0.5) * scale - 0.5
        return {**found, "image_size": size.expand(len(images), 2)}


class Matcher(nn.Module):
    """Our own matcher in the place of LightGlue; a trained LightGlue needs the very descriptors it learnt from."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        config = parse_config(MatcherConfig, settings, source="Matcher")
        self.matcher, self._matcher_of_signs = create_matcher(config), create_matcher(for_signs(config))

    def forward(self, data: dict[str, TensorDict]) -> dict[str, Any]:
        """``matches0``, ``matches1`` (B,N) with -1 for none, their scores, and lists of ``matches`` and ``scores``."""
        pairs = list(zip(_from_batch(data["image0"]), _from_batch(data["image1"]), strict=True))
        found = [self._match(features0, features1) for features0, features1 in pairs]
        device = data["image0"]["keypoints"].device
        indices = [torch.from_numpy(matches.indices).to(device) for matches in found]
        scores = [torch.from_numpy(similarity(matches.distances, "l2")).to(device) for matches in found]
        result: dict[str, Any] = {"matches": indices, "scores": scores}
        for side in (0, 1):
            count = data[f"image{side}"]["keypoints"].shape[1]
            partners = torch.full((len(found), count), -1, dtype=torch.int64, device=device)
            of_partners = torch.zeros((len(found), count), device=device)
            for row, (pair, score) in enumerate(zip(indices, scores, strict=True)):
                partners[row, pair[:, side]] = pair[:, 1 - side]
                of_partners[row, pair[:, side]] = score
            result |= {f"matches{side}": partners, f"matching_scores{side}": of_partners}
        return result

    def _match(self, features0: Features, features1: Features) -> Matches:
        were_bits = are_signs(features0.descriptors) and are_signs(features1.descriptors)
        return (self._matcher_of_signs if were_bits else self.matcher).match(features0, features1)


def _require_pictures(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.is_floating_point() or not len(images):
        raise FrontendError(
            f"expected images (B,1|3,H,W) as floats in 0..1, found {tuple(images.shape)} {images.dtype}"
        )
    if images.numel() and images.max() > HIGHEST:
        raise FrontendError(f"expected images as floats in 0..1, found {images.max():g}; divide by 255 first")


def _to_pictures(images: Tensor) -> list[Array]:
    grey = images[:, 0] if images.shape[1] == 1 else torch.einsum("bchw,c->bhw", images, images.new_tensor(LUMA))
    pictures: Array = (grey.detach() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return list(pictures)


def _fill(rows: Array, count: int) -> Tensor:
    filled = np.zeros((count, *rows.shape[1:]), np.float32)
    filled[: len(rows)] = rows
    return torch.from_numpy(filled)


def _from_batch(data: TensorDict) -> list[Features]:
    """Features of each image; a filled row has a descriptor that is near to none."""
    columns = (data[name].detach().cpu().numpy() for name in ("keypoints", "descriptors"))
    return [
        Features(keypoints, ones, descriptors, "l2", ones)
        for keypoints, descriptors in zip(*columns, strict=True)
        for ones in [np.ones(len(keypoints), np.float32)]
    ]
