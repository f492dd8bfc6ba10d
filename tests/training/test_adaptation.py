"""Homographic adaptation finds a corner where it is, whatever the views, and goes on where it stopped."""

import pytest
import torch
from bright_spots import CPU, FEW, SPOTS, BrightSpots, photo_with
from torch import nn

from slam_frontend.training.adaptation import adapt, label, label_photos
from slam_frontend.training.datasets import load_labels, shard_path
from slam_frontend.training.engine import Engine


def test_the_mean_heatmap_peaks_at_the_spots():
    with torch.inference_mode():
        labels = label(BrightSpots(), photo_with(SPOTS), FEW, CPU, seed=0)
    found = labels[labels[:, 2].isfinite()]
    assert labels.shape == (20, 3) and len(found) == 3
    assert torch.cdist(found[:, :2], SPOTS).min(0).values.max() < 0.5


def test_the_confidence_is_the_heat_around_the_point():
    once = FEW.model_copy(update={"homographies": 1})
    with torch.inference_mode():
        labels = label(BrightSpots(), photo_with([(60.0, 44.0)]), once, CPU, seed=0)
    assert labels[labels[:, 2].isfinite(), 2].tolist() == pytest.approx([1.0], abs=0.03)


class PointsAt(BrightSpots):
    """A detector that finds one pixel, whatever it is shown."""

    def __init__(self, x, y):
        super().__init__()
        self.place = y, x

    def forward(self, images):
        heat = torch.full_like(images, -12.0)
        heat[..., *self.place] = 12.0
        cells = nn.functional.pixel_unshuffle(heat, 8)
        return torch.cat([cells, torch.zeros_like(cells[:, :1])], 1), cells[:, :4]


def test_sharpened_labels_lie_at_one_place_of_a_corner_wherever_near_it_the_teacher_points():
    photo = torch.full((96, 128), 40, dtype=torch.uint8)
    photo[32:, 48:] = 200
    once = FEW.model_copy(update={"homographies": 1})
    places = {}
    for sharpen in (False, True):
        config = once.model_copy(update={"sharpen": sharpen})
        with torch.inference_mode():
            labels = [label(PointsAt(x, y), photo, config, CPU, seed=0)[0] for x, y in ((50, 34), (48, 32))]
        places[sharpen] = (labels[0] - labels[1])[:2].norm()
    assert places[False] > 2.5
    assert places[True] < places[False] / 3


def test_the_edge_of_the_photograph_is_no_point():
    with torch.inference_mode():
        heatmap = adapt(BrightSpots(), torch.full((96, 128), 30, dtype=torch.uint8), FEW, CPU, seed=0)
    assert heatmap.max() < 0.01


def test_shards_that_exist_are_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("slam_frontend.training.adaptation.fold", lambda network: network)
    photos = torch.stack([photo_with(SPOTS[:count]) for count in (1, 2, 3, 1, 2)])
    first = list(label_photos(BrightSpots(), photos, FEW, CPU, tmp_path))
    assert first == [2, 2, 1]
    written = shard_path(tmp_path, 2).stat().st_mtime_ns
    shard_path(tmp_path, 4).unlink()
    assert list(label_photos(BrightSpots(), photos, FEW, CPU, tmp_path)) == [2, 2, 1]
    assert shard_path(tmp_path, 2).stat().st_mtime_ns == written
    rows, labels = load_labels(tmp_path)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert labels[:, :, 2].isfinite().sum(1).tolist() == [1, 2, 3, 1, 2]


@pytest.mark.parametrize(("before", "after"), [(4, 2), (2, 4), (3, 2), (2, 3)])
def test_shards_of_another_size_neither_double_a_label_nor_lose_one(tmp_path, monkeypatch, before, after):
    monkeypatch.setattr("slam_frontend.training.adaptation.fold", lambda network: network)
    photos = torch.stack([photo_with(SPOTS[:count]) for count in (1, 2, 3, 1, 2, 3, 1)])
    first, second = (FEW.model_copy(update={"shard": size}) for size in (before, after))
    next(label_photos(BrightSpots(), photos, first, CPU, tmp_path))  # and killed
    list(label_photos(BrightSpots(), photos, second, CPU, tmp_path))
    rows, labels = load_labels(tmp_path)
    assert rows.tolist() == list(range(7))
    assert labels[:, :, 2].isfinite().sum(1).tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_two_processes_share_the_shards(tmp_path, monkeypatch):
    monkeypatch.setattr("slam_frontend.training.adaptation.fold", lambda network: network)
    photos = torch.stack([photo_with(SPOTS)] * 5)
    for rank in range(2):
        list(label_photos(BrightSpots(), photos, FEW, Engine(CPU.device, CPU.dtype, rank, 2), tmp_path))
        if rank == 0:
            assert load_labels(tmp_path)[0].tolist() == [0, 1, 4]
    assert load_labels(tmp_path)[0].tolist() == [0, 1, 2, 3, 4]
