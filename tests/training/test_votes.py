"""Views vote with their keypoints: what is found again lies where it is, and counts for as often as it is found."""

import json

import pytest
import torch
from bright_spots import CPU, FEW, SPOTS, BrightSpots, photo_with

from slam_frontend.errors import ConfigError
from slam_frontend.training.adaptation import label_photos
from slam_frontend.training.config import LabelConfig
from slam_frontend.training.datasets import load_labels
from slam_frontend.training.sources import require_labels_by
from slam_frontend.training.votes import label_by_votes


class SeesEveryOtherTime(BrightSpots):
    """A detector that is blind in every second view that it is shown alone."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, images):
        self.count += 1
        logits, coarse = super().forward(images)
        if self.count % 2:
            logits = torch.full_like(logits, -20.0)
            logits[:, -1] = 0
        return logits, coarse


def best_of(labels, count):
    """Sorted by confidence, and how sure the next one is."""
    known = labels[labels[:, 2].isfinite()]
    ranked = known[known[:, 2].argsort(descending=True)]
    return ranked[:count], float(ranked[count, 2]) if len(ranked) > count else 0.0


def test_what_all_views_find_is_certain_and_lies_where_they_found_it():
    with torch.inference_mode():
        labels = label_by_votes(BrightSpots(), photo_with(SPOTS), FEW, CPU, seed=0)
    spots, next_one = best_of(labels, 3)
    assert labels.shape == (20, 3)
    assert torch.cdist(spots[:, :2], SPOTS).min(0).values.max() < 0.3
    assert spots[:, 2].min() > 0.9 > 0.6 > next_one  # a point of the noise


def test_the_confidence_is_the_share_of_the_views_that_find_a_point():
    one_by_one = FEW.model_copy(update={"homographies": 24, "batch": 1})
    with torch.inference_mode():
        labels = label_by_votes(SeesEveryOtherTime(), photo_with(SPOTS), one_by_one, CPU, seed=0)
    spots, _ = best_of(labels, 3)
    assert torch.cdist(spots[:, :2], SPOTS).min(0).values.max() < 0.5
    assert spots[:, 2].tolist() == pytest.approx([0.5] * 3, abs=0.15)


class Blind(BrightSpots):
    """A detector that finds nothing."""

    def forward(self, images):
        logits, coarse = super().forward(images)
        return torch.cat([torch.full_like(logits[:, :-1], -20.0), logits[:, -1:]], 1), coarse


def test_where_nothing_is_found_there_are_no_labels():
    with torch.inference_mode():
        labels = label_by_votes(Blind(), photo_with(SPOTS), FEW, CPU, seed=0)
    assert labels.shape == (20, 3) and labels.isnan().all()


def test_photographs_are_labelled_by_votes_where_the_settings_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr("slam_frontend.training.adaptation.fold", lambda network: network)
    voted = FEW.model_copy(update={"votes": True})
    photos = torch.stack([photo_with(SPOTS), photo_with(SPOTS[:1])])
    assert list(label_photos(BrightSpots(), photos, voted, CPU, tmp_path)) == [2]
    _, labels = load_labels(tmp_path)
    with torch.inference_mode():
        expected = [label_by_votes(BrightSpots(), photo, voted, CPU, seed) for seed, photo in enumerate(photos)]
    torch.testing.assert_close(labels, torch.stack(expected), equal_nan=True, rtol=0, atol=0)


def test_labels_from_before_there_were_votes_were_made_without(tmp_path):
    torch.save(torch.zeros(1, 20, 3), tmp_path / "shard_000000.pt")
    settings = LabelConfig().model_dump(mode="json")
    older = {key: value for key, value in settings.items() if key != "votes"}
    (tmp_path / "settings.json").write_text(json.dumps({"settings": older, "teacher": "t"}))
    require_labels_by(tmp_path, settings, "t")
    with pytest.raises(ConfigError, match=r"made with votes=False, expected votes=True"):
        require_labels_by(tmp_path, settings | {"votes": True}, "t")
