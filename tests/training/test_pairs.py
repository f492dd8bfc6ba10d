"""Pairs of views show the same places where the homography says, and labels follow."""

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.training.config import JointConfig
from slam_frontend.training.homographies import HomographyConfig, is_inside, transform
from slam_frontend.training.pairs import Pair, View, draw_pairs, draw_places
from slam_frontend.training.photometric import PhotometricConfig

SIZE = (120, 160)
STILL = HomographyConfig(rotation=0, scale=1, perspective=0, translation=0)
PLAIN = PhotometricConfig(brightness=0, contrast=(1, 1), noise=0, shade=0, blur_fraction=0)


@pytest.fixture(scope="module")
def photo_and_dots():
    rng = np.random.default_rng(0)
    photo = np.full((240, 320), 40, np.uint8)
    dots = rng.uniform((20, 20), (300, 220), (40, 2)).astype(np.float32)
    for x, y in dots:
        cv2.circle(photo, (round(float(x) * 16), round(float(y) * 16)), 3 * 16, 220, -1, cv2.LINE_AA, 4)
    labels = np.concatenate([dots, np.full((40, 1), 0.5, np.float32)], 1)
    return torch.from_numpy(photo)[None], torch.from_numpy(labels)[None]


def draw(photo_and_dots, seed=0, **settings):
    photos, dots = photo_and_dots
    config = JointConfig(photometric=PLAIN, **settings)
    generator = torch.Generator().manual_seed(seed)
    return draw_pairs(photos.expand(4, -1, -1), dots.expand(4, -1, -1), config, SIZE, generator), generator


def brightness_at(images, points, valid):
    grid = (2 * points + 1) / torch.tensor([SIZE[1], SIZE[0]]) - 1
    return torch.nn.functional.grid_sample(images, grid[:, None], align_corners=False)[:, 0, 0][valid]


def test_labels_lie_on_the_dots_of_both_views(photo_and_dots):
    pair, _ = draw(photo_and_dots, zoom=(1.0, 1.5))
    for view in (pair.first, pair.second):
        assert view.visible.sum() > 10
        assert brightness_at(view.images, view.points, view.visible).median() > 0.8


def test_the_homography_takes_the_points_of_the_first_view_to_the_second(photo_and_dots):
    pair, _ = draw(photo_and_dots)
    moved = transform(pair.H_1_0, pair.first.points)
    both = pair.first.visible & pair.second.visible
    assert both.sum() > 5
    torch.testing.assert_close(moved[both], pair.second.points[both], atol=0.02, rtol=0)


def test_a_pair_without_change_is_a_crop_of_the_photograph(photo_and_dots):
    pair, _ = draw(photo_and_dots, zoom=(1.0, 1.0), first=STILL, second=STILL)
    assert pair.first.mask.any()
    torch.testing.assert_close(pair.first.images, pair.second.images, atol=1e-3, rtol=0)


def test_photographs_are_seen_in_a_mirror(photo_and_dots):
    plain, _ = draw(photo_and_dots, zoom=(1.0, 1.0), first=STILL)
    pair, _ = draw(photo_and_dots, zoom=(1.0, 1.0), first=STILL, mirrored=1.0)
    torch.testing.assert_close(pair.first.images, plain.first.images.flip(3), atol=1e-3, rtol=0)
    assert brightness_at(pair.second.images, pair.second.points, pair.second.visible).median() > 0.8
    both = pair.first.visible & pair.second.visible
    assert both.sum() > 5
    torch.testing.assert_close(
        transform(pair.H_1_0, pair.first.points)[both], pair.second.points[both], atol=0.02, rtol=0
    )


def test_a_share_of_the_photographs_is_mirrored(photo_and_dots):
    sides = []
    for seed in range(25):
        pair, _ = draw(photo_and_dots, seed, first=STILL, second=STILL, mirrored=0.3)
        from_left = pair.first.points[:, 0, 0] < pair.first.points[:, 1, 0]
        sides.extend(from_left.tolist())
    first, second = photo_and_dots[1][0, :2, 0]
    assert 0.15 < np.mean(np.array(sides) != bool(first < second)) < 0.45


def test_confidence_is_the_labels_where_they_are_visible(photo_and_dots):
    view = draw(photo_and_dots)[0].first
    assert (view.confidence[view.visible] == 0.5).all()
    assert (view.confidence[~view.visible] == 0).all()


def test_places_are_seen_by_both_views_and_labels_go_first(photo_and_dots):
    pair, generator = draw(photo_and_dots)
    places0, places1, valid, is_label = draw_places(pair, 64, generator)
    assert is_inside(places0[valid].unbind(-1), SIZE).all() and is_inside(places1[valid].unbind(-1), SIZE).all()
    torch.testing.assert_close(transform(pair.H_1_0, places0)[valid], places1[valid], atol=1e-3, rtol=1e-4)
    shared = int((pair.first.visible & pair.second.visible)[0].sum())
    labels = pair.first.points[0][pair.first.visible[0]]
    assert (torch.cdist(places0[0, :shared], labels).min(1).values < 1e-3).all()
    assert is_label[0].tolist() == [row < shared for row in range(64)]


def test_places_lie_where_both_views_show_the_photograph(photo_and_dots):
    pair, generator = draw(photo_and_dots, zoom=(0.3, 0.3))
    places0, places1, valid, _ = draw_places(pair, 64, generator)
    assert 0 < valid.sum() < valid.numel()
    for view, places in ((pair.first, places0), (pair.second, places1)):
        assert not view.mask.all()
        column, row = (places // 8).long().unbind(-1)
        images = torch.arange(len(places))[:, None].expand_as(valid)
        assert view.mask[images[valid], row[valid], column[valid]].all()


def test_nothing_is_learned_beyond_the_photograph(photo_and_dots):
    pair, _ = draw(photo_and_dots, zoom=(0.3, 0.3))
    outside = ~pair.first.mask
    assert outside.any()
    dark = torch.nn.functional.max_pool2d(pair.first.images, 8)[:, 0]
    assert (dark[pair.first.mask] > 0).all()
    assert (dark[outside] == 0).any()


def test_without_labels_places_are_spread_over_the_whole_view():
    nothing = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.bool), torch.zeros(1, 0)
    view = View(torch.zeros(1, 1, *SIZE), *nothing, torch.ones(1, SIZE[0] // 8, SIZE[1] // 8))
    places = draw_places(Pair(view, view, torch.eye(3)[None]), 300, torch.Generator().manual_seed(0))[0][0]
    torch.testing.assert_close(places.mean(0), torch.tensor([79.5, 59.5]), atol=8, rtol=0)
    assert (places.amax(0) > torch.tensor([150.0, 110.0])).all()


def test_crops_are_zoomed_by_all_of_the_range():
    photos = torch.zeros(500, 64, 64, dtype=torch.uint8)
    labels = torch.tensor([[[20.0, 30.0, 1.0], [30.0, 30.0, 1.0]]]).expand(500, 2, 3)
    config = JointConfig(photometric=PLAIN, zoom=(0.5, 0.8), first=STILL)
    points = draw_pairs(photos, labels, config, (16, 16), torch.Generator().manual_seed(0)).first.points
    zoom = (points[:, 1] - points[:, 0]).norm(dim=1) / 10
    assert 0.5 - 1e-3 < zoom.min() < 0.51 and 0.79 < zoom.max() < 0.8 + 1e-3
