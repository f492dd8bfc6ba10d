"""Warps put pixels where the homography says."""

import torch

from slam_frontend.training.homographies import (
    HomographyConfig,
    is_inside,
    look,
    random_homographies,
    resample,
    transform,
    whole_cells,
)

SIZE = (48, 64)


def random_H(count=4, **settings):
    return random_homographies(count, SIZE, HomographyConfig(**settings), torch.Generator().manual_seed(5))


def test_no_change_is_the_identity():
    H = random_H(rotation=0, scale=1, perspective=0, translation=0)
    torch.testing.assert_close(H, torch.eye(3).expand(4, 3, 3), atol=1e-5, rtol=0)


def test_the_centre_stays_without_translation():
    centre = torch.tensor([[[31.5, 23.5]]]).expand(4, 1, 2)
    torch.testing.assert_close(transform(random_H(translation=0), centre), centre, atol=1e-4, rtol=0)


def test_looking_agrees_with_transforming_points():
    H = random_H()
    pixels = torch.tensor([[[0.0, 0.0], [10.0, 20.0], [63.0, 47.0]]]).expand(4, 3, 2)
    seen = look(H, SIZE)
    assert seen.shape == (4, 2, *SIZE)
    expected = torch.stack([seen[:, :, int(y), int(x)] for x, y in pixels[0]], 1)
    torch.testing.assert_close(transform(H, pixels), expected, atol=1e-3, rtol=1e-4)


def test_a_dot_lands_where_the_homography_takes_it():
    image = torch.zeros(4, 1, *SIZE)
    image[:, :, 22:27, 28:33] = torch.outer(torch.tensor([1.0, 2, 3, 2, 1]), torch.tensor([1.0, 2, 3, 2, 1]))
    H = random_H(scale=1.2, translation=0.05)
    warped = resample(image, look(H, SIZE))[:, 0]
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    mass = warped.sum((1, 2))
    centre = torch.stack([(warped * columns).sum((1, 2)) / mass, (warped * rows).sum((1, 2)) / mass], -1)
    expected = transform(H.inverse(), torch.tensor([[[30.0, 24.0]]]).expand(4, 1, 2))[:, 0]
    assert (centre - expected).abs().max() < 0.2


def test_only_cells_wholly_inside_are_kept():
    positions = look(torch.eye(3)[None], SIZE)
    assert whole_cells(positions, SIZE).all()
    shifted = positions.clone()
    shifted[:, 0] += 1  # the last column now lies outside
    assert whole_cells(shifted, SIZE)[0].sum(0).tolist() == [6, 6, 6, 6, 6, 6, 6, 0]


def test_the_inset_is_measured_from_the_border():
    x, y = torch.tensor([3.9, 4.0, 59.0, 59.1]), torch.tensor([3.9, 4.0, 43.0, 43.1])
    for xy in ((x, torch.full_like(x, 20)), (torch.full_like(y, 20), y)):
        assert is_inside(xy, SIZE, inset=4).tolist() == [False, True, True, False]


def test_cells_that_reach_into_the_inset_are_not_kept():
    whole = whole_cells(look(torch.eye(3)[None], SIZE), SIZE, inset=1)[0]
    assert whole.sum() == 4 * 6 and whole[1:-1, 1:-1].all()
