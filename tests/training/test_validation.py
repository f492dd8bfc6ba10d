"""Validation judges by what is true of the pair, and shows it."""

import pytest
import torch
from torch import nn

from slam_frontend.training.engine import Engine
from slam_frontend.training.pictures import RIGHT, WRONG, paint_matches, paint_points
from slam_frontend.training.validation import Finder, draw_matches, judge_pairs

CPU = Engine(torch.device("cpu"), torch.float32)


class BrightSpots(nn.Module):
    """Finds bright pixels; describes nothing."""

    def forward(self, images):
        cells = nn.functional.pixel_unshuffle(images, 8) * 120
        return torch.cat([cells, torch.full_like(cells[:, :1], 40)], 1), torch.ones_like(cells[:, :8])


FINDER = Finder(BrightSpots(), CPU, sharpen=False)


@pytest.fixture
def photos():
    photos = torch.zeros(3, 120, 160, dtype=torch.uint8)
    photos[:, 30:32, 40:42] = photos[:, 60:62, 80:82] = photos[:, 70:72, 120:122] = 255
    return photos


def test_a_detector_of_spots_repeats_them_and_cannot_tell_them_apart(photos):
    figures = judge_pairs(FINDER, photos)
    assert figures["repeatability"] > 0.6
    assert 0 < figures["localisation"] < 1.5
    assert figures["precision"] < 0.4
    assert figures == judge_pairs(FINDER, photos)


def test_where_nothing_is_found_again_nothing_is_said_of_where(photos):
    figures = judge_pairs(FINDER, torch.zeros_like(photos))
    assert figures == {"score": pytest.approx(-0.6), "repeatability": 0, "precision": 0}


def test_the_picture_shows_both_views(photos):
    picture = draw_matches(FINDER, photos)
    assert picture.shape == (3, 120, 320)
    assert 0.002 < (picture.std(0) > 0).float().mean() < 0.5


def test_right_matches_are_green_and_wrong_ones_red():
    grey = torch.full((20, 30), 0.5)
    first, second = torch.tensor([[5.0, 5.0], [5.0, 15.0]]), torch.tensor([[20.0, 5.0], [20.0, 15.0]])
    picture = paint_matches(grey, grey, first, second, torch.tensor([True, False]))
    torch.testing.assert_close(picture[:, 5, 28], torch.tensor(RIGHT))
    torch.testing.assert_close(picture[:, 15, 28], torch.tensor(WRONG))
    assert paint_points(grey, first)[:, 5, 6].tolist() == pytest.approx(RIGHT)
