"""The detector on synthetic shapes."""

import torch
from torch import Tensor, nn

from slam_frontend.models.heatmap import Points, find_points, to_heatmap
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import MagicPointConfig
from slam_frontend.training.datasets import Labelled
from slam_frontend.training.draws import integers
from slam_frontend.training.engine import Engine
from slam_frontend.training.homographies import (
    is_inside,
    look,
    random_homographies,
    resample,
    transform,
    whole_cells,
)
from slam_frontend.training.loop import Losses
from slam_frontend.training.losses import detector_loss, soft_target
from slam_frontend.training.photometric import degrade
from slam_frontend.training.pictures import paint_points

RIGHT_WITHIN = 4.0  # pixels
SHOWN = 4  # shapes in a picture
SURE = 0.1  # a probability


class MagicPointTask:
    """Finds the corners of shapes under random views and bad light."""

    def __init__(self, shapes: Labelled, validation: Labelled, config: MagicPointConfig, engine: Engine) -> None:
        self.shapes = Labelled(shapes.images.to(engine.device), shapes.points.to(engine.device))
        self.validation = validation
        self.config = config
        self.engine = engine

    def losses(self, network: nn.Module, batch: int, size: tuple[int, int], generator: torch.Generator) -> Losses:
        """The detector's cross-entropy on a random batch."""
        images, points, mask = self.draw(batch, size, generator)
        logits, descriptors = self.engine.answer(network, images)
        valid = is_inside(points.unbind(-1), size) & points.isfinite().all(-1)
        unused = 0.0 * descriptors.float().sum()  # so that every parameter has a gradient, as DDP expects
        target = soft_target(points.nan_to_num(-1), valid.float(), size)
        return {"detector": detector_loss(logits, target, mask) + unused}

    def draw(self, batch: int, size: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Degraded images (B,1,H,W), their points (B,K,2) and the mask of cells (B,H/8,W/8)."""
        chosen = integers(generator, len(self.shapes.images), batch)
        images = self.shapes.images[chosen][:, None].float() / 255
        H = random_homographies(batch, size, self.config.homography, generator)
        positions = look(H, size)
        warped = resample(images, positions, padding="reflection")
        mask = whole_cells(positions, (images.shape[2], images.shape[3]))
        points = transform(H.inverse(), self.shapes.points[chosen])
        return degrade(warped, self.config.photometric, generator), points, mask

    def validate(self, network: SuperPoint) -> dict[str, float]:
        """Mean average precision on clean and on degraded held-out shapes, and the localisation error in pixels."""
        generator = torch.Generator().manual_seed(1)
        clean = self.validation.images[:, None].float() / 255
        noisy = torch.cat([degrade(part, self.config.photometric, generator) for part in torch.split(clean, 50)])
        precision, error = self._judge(network, clean)
        noisy_precision, _ = self._judge(network, noisy)
        score = (precision + noisy_precision) / 2
        return {"score": score, "map_clean": precision, "map_noisy": noisy_precision, "localisation": error}

    def picture(self, network: SuperPoint) -> Tensor:
        """The surest points on some held-out shapes."""
        images = self.validation.images[:SHOWN, None].float() / 255
        points = self._find(network, images)
        sure = points.scores > SURE
        painted = [paint_points(image[0], p[s]) for image, p, s in zip(images, points.positions, sure, strict=True)]
        return torch.cat(painted, 2)

    def _judge(self, network: SuperPoint, images: Tensor) -> tuple[float, float]:
        found = [self._find(network, part) for part in torch.split(images, 50)]
        positions = torch.cat([points.positions for points in found])
        scores = torch.cat([points.scores for points in found])
        return average_precision(positions, scores, self.validation.points)

    def _find(self, network: SuperPoint, images: Tensor) -> Points:
        logits, _ = self.engine.answer(network, images.to(self.engine.device))
        points = find_points(to_heatmap(logits), count=200, threshold=1e-4, border=0)
        return Points(points.positions.cpu(), points.scores.cpu())


def average_precision(positions: Tensor, scores: Tensor, truth: Tensor) -> tuple[float, float]:
    """Area under precision over recall of all images' points (B,K,2) with scores (B,K), and the mean error of the
    right ones; each true point (B,N,2) is found once, by the best point within reach."""
    right = torch.zeros_like(scores, dtype=torch.bool)
    errors = []
    distances = torch.cdist(positions, truth.nan_to_num(-1e4))
    for row, image_distances in enumerate(distances):
        taken = torch.zeros(truth.shape[1], dtype=torch.bool)
        for rank in range(int((scores[row] > 0).sum())):
            nearest = torch.where(taken, torch.inf, image_distances[rank])
            error, target = nearest.min(0)
            if error <= RIGHT_WITHIN:
                taken[target] = right[row, rank] = True
                errors.append(float(error))
    order = scores[scores > 0].argsort(descending=True)
    hits = right[scores > 0][order].float()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    area = float((precision * hits).sum() / truth.isfinite().all(-1).sum().clamp_min(1))
    return area, sum(errors) / max(len(errors), 1)
