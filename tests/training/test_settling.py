"""A label moves to the point that both views see, and stays where they see nothing."""

import torch

from slam_frontend.training.homographies import HomographyConfig, random_homographies, transform
from slam_frontend.training.settling import settle

SIZE = (64, 80)
TRUTH = torch.tensor([[[30.0, 20.0], [50.0, 40.0]]])
H = random_homographies(1, SIZE, HomographyConfig(rotation=0.3, scale=1.2), torch.Generator().manual_seed(2))


def blob(points, height=0.5, deviation=1.2):
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    squared = (columns - points[0, :, 0, None, None]) ** 2 + (rows - points[0, :, 1, None, None]) ** 2
    return (height * torch.exp(-squared / 2 / deviation**2)).sum(0)[None]


def test_a_label_moves_most_of_the_way_to_the_point():
    label = TRUTH + torch.tensor([1.2, -0.9])
    settled = settle(label, blob(TRUTH), blob(transform(H, TRUTH)), H)
    assert ((settled - TRUTH).norm(dim=2) < 0.45 * (label - TRUTH).norm(dim=2)).all()


def test_what_one_view_alone_sees_does_not_count_for_much():
    other = transform(H, TRUTH + torch.tensor([-2.0, 2.0]))
    settled = settle(TRUTH, blob(TRUTH, 0.5), blob(other, 0.02), H)
    assert ((settled - TRUTH).norm(dim=2) < 0.7).all()


def test_a_label_that_neither_sees_stays():
    nothing = torch.zeros(1, *SIZE)
    torch.testing.assert_close(settle(TRUTH, nothing, nothing, H), TRUTH)
