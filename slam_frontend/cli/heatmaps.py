"""Heatmaps of a network and the steps of homographic adaptation, for ``slam-frontend show heatmap``."""

import numpy as np
import torch
from torch import Tensor

from slam_frontend.models.heatmap import to_heatmap
from slam_frontend.models.network_config import CELL
from slam_frontend.models.runtime_torch import show
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.adaptation import adapt, label
from slam_frontend.training.config import LabelConfig
from slam_frontend.training.engine import create_engine
from slam_frontend.training.homographies import is_inside, look, resample, views_of
from slam_frontend.types import Array
from slam_frontend.viz.heatmap_panels import Adaptation, AdaptedView
from slam_frontend.watch import Watch

NUM_SHOWN = 4  # views
MEANS = (1, 10, 100)  # views after which the mean is shown


def find_heatmap(network: SuperPoint, image: Array) -> Array:
    """The probability of a point at each pixel (H,W) of an image (H,W) uint8, its edge repeated to whole cells."""
    height, width = image.shape
    padded = np.pad(image, ((0, -height % CELL), (0, -width % CELL)), mode="edge")
    with torch.inference_mode():
        heatmap, _ = show(network, torch.from_numpy(padded))
    return np.asarray(heatmap[:height, :width].numpy())


def adapt_in_steps(network: SuperPoint, image: Array, num_views: int, seed: int, watch: Watch) -> Adaptation:
    """Homographic adaptation of an image (H,W) uint8, which is cut to whole cells, with what it went through."""
    height, width = (side - side % CELL for side in image.shape)
    photo = torch.from_numpy(np.ascontiguousarray(image[:height, :width]))
    engine, config = create_engine(precision="float32"), LabelConfig(homographies=num_views)
    network = engine.place(network)
    counts = sorted({*(count for count in MEANS if count < num_views), num_views})
    total, done = sum(counts) + num_views, 0
    means = {}
    with torch.inference_mode():
        for count in counts:  # the views of a smaller count are the first of a larger one
            watch("views", done, total)
            fewer = config.model_copy(update={"homographies": count})
            means[count] = adapt(network, photo, fewer, engine, seed).cpu().numpy()
            done += count
        watch("views", done, total)
        points = label(network, photo, config, engine, seed).cpu().numpy()
        watch("views", total, total)
        views = _first_views(network, photo, config, seed)
    return Adaptation(photo.numpy(), views, means, points[np.isfinite(points[:, 0]), :2])


def _first_views(network: SuperPoint, photo: Tensor, config: LabelConfig, seed: int) -> list[AdaptedView]:
    """What ``adapt`` sees in its first views and takes from them."""
    generator = torch.Generator().manual_seed(seed)
    image = photo[None, None].float() / 255
    H, seen = next(views_of(image, config.homographies, NUM_SHOWN, config.homography, generator))
    logits, _ = network(seen.to(next(network.parameters()).device))
    heatmaps = to_heatmap(logits).cpu()
    size = (photo.shape[0], photo.shape[1])
    positions = look(H.inverse(), size)
    back = resample(heatmaps[:, None], positions)[:, 0]
    back[~is_inside(positions.unbind(1), size, config.erosion)] = torch.nan
    images = (seen[:, 0] * 255).round().to(torch.uint8)
    return [AdaptedView(*(array.numpy() for array in arrays)) for arrays in zip(images, heatmaps, back, strict=True)]
