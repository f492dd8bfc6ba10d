"""Detector and descriptor together, on pairs of views of labelled photographs."""

from functools import partial

import torch
from torch import Tensor, nn

from slam_frontend.models.heatmap import sample, to_heatmap
from slam_frontend.models.network_config import CELL
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import JointConfig
from slam_frontend.training.draws import integers
from slam_frontend.training.engine import Engine
from slam_frontend.training.homographies import transform
from slam_frontend.training.loop import Losses
from slam_frontend.training.losses import (
    SPARSE_LOSSES,
    Correspondences,
    DescriptorLoss,
    dense_hinge_loss,
    detector_loss,
    dual_softmax_loss,
    hard_target,
    soft_target,
)
from slam_frontend.training.pairs import Pair, View, draw_pairs, draw_places
from slam_frontend.training.settling import settle
from slam_frontend.training.validation import Finder, draw_matches, judge_pairs


class JointTask:
    """The paper's section 5: warped pairs, pseudo labels, and a descriptor that survives the warp."""

    def __init__(
        self,
        photos: Tensor,
        labels: Tensor,
        validation: Tensor,
        config: JointConfig,
        engine: Engine,
        sharpen: bool = False,
        teacher: SuperPoint | None = None,
    ) -> None:
        self.photos = photos.to(engine.device)
        self.labels = labels.to(engine.device)
        self.validation = validation.to(engine.device)
        self.config = config
        self.engine = engine
        self.sharpen = sharpen  # how the network that comes out will be used, and so how it is judged
        self.teacher = engine.place(teacher).eval() if teacher else None  # without, the detector learns the labels

    def losses(self, network: nn.Module, batch: int, size: tuple[int, int], generator: torch.Generator) -> Losses:
        """The weighted losses of ``batch`` images, that is half as many pairs."""
        chosen = integers(generator, len(self.photos), max(1, batch // 2))
        pair = draw_pairs(self.photos[chosen], self.labels[chosen], self.config, size, generator)
        images = torch.cat([pair.first.images, pair.second.images])
        logits, coarse = self.engine.answer(network, images)
        logits0, logits1 = logits.float().chunk(2)
        coarse0, coarse1 = coarse.float().chunk(2)
        if self.config.settle:
            pair = _settled(pair, logits0.detach(), logits1.detach())
        target0, target1 = self._targets(images, pair, generator)
        detector0 = detector_loss(logits0, target0, pair.first.mask)
        detector1 = detector_loss(logits1, target1, pair.second.mask)
        return {
            "detector": 0.5 * detector0 + 0.5 * detector1,
            "descriptor": self.config.descriptor_weight * self._descriptor(coarse0, coarse1, pair, generator),
        }

    def validate(self, network: SuperPoint) -> dict[str, float]:
        """Repeatability, localisation error and matching precision on fixed warps of held-out photographs."""
        return judge_pairs(Finder(network, self.engine, self.sharpen), self.validation)

    def picture(self, network: SuperPoint) -> Tensor:
        """Keypoints and matches of a held-out photograph and its warp."""
        return draw_matches(Finder(network, self.engine, self.sharpen), self.validation)

    def _targets(self, images: Tensor, pair: Pair, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the detector is to see in both views, class probabilities (B,65,H/8,W/8): the labels, or what a larger
        network sees (Hinton 2015, "Distilling the knowledge")."""
        if self.teacher is None:
            return self._labels_of(pair.first, generator), self._labels_of(pair.second, generator)
        with torch.no_grad():
            logits, _ = self.engine.answer(self.teacher, images)
        target0, target1 = logits.float().softmax(1).chunk(2)
        return target0, target1

    def _labels_of(self, view: View, generator: torch.Generator) -> Tensor:
        size = (view.images.shape[2], view.images.shape[3])
        if self.config.target == "hard":
            return hard_target(view.points, view.visible, size, generator)
        return soft_target(view.points, view.confidence, size)

    def _descriptor(self, coarse0: Tensor, coarse1: Tensor, pair: Pair, generator: torch.Generator) -> Tensor:
        if self.config.descriptor_loss == "dense_hinge":
            masks = pair.first.mask, pair.second.mask
            return dense_hinge_loss(coarse0, coarse1, _centres_in_second(coarse0, pair), *masks)
        enlarged = max(1, pair.first.images.shape[2] // self.config.loop.size[0])
        places = draw_places(pair, self.config.places * enlarged, generator)
        weights = torch.where(places.is_label, 1.0, self.config.plain_weight) * places.valid
        found = sample(coarse0, places.first), sample(coarse1, places.second)
        return _sparse_loss(self.config)(Correspondences(*found, places.second, places.valid, weights))


def _sparse_loss(config: JointConfig) -> DescriptorLoss:
    if config.descriptor_loss == "dual_softmax":
        return partial(dual_softmax_loss, temperature=config.temperature)
    return SPARSE_LOSSES[config.descriptor_loss]


def _settled(pair: Pair, logits0: Tensor, logits1: Tensor) -> Pair:
    """The pair with the labels that both views show moved to where both see them."""
    shared = (pair.first.visible & pair.second.visible)[..., None]
    points0 = settle(pair.first.points, to_heatmap(logits0), to_heatmap(logits1), pair.H_1_0)
    points1 = transform(pair.H_1_0, points0)
    first = pair.first._replace(points=torch.where(shared, points0, pair.first.points))
    second = pair.second._replace(points=torch.where(shared, points1, pair.second.points))
    return Pair(first, second, pair.H_1_0)


def _centres_in_second(coarse: Tensor, pair: Pair) -> Tensor:
    height, width = coarse.shape[2:]
    cells = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), -1)
    centres = cells.reshape(1, -1, 2).float().to(coarse.device) * CELL + (CELL - 1) / 2
    return transform(pair.H_1_0, centres.expand(len(coarse), -1, -1))
