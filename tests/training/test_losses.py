"""The losses say what the paper's equations and the sentences in their docstrings say."""

import math

import pytest
import torch

from slam_frontend.training.losses import (
    SPARSE_LOSSES,
    Correspondences,
    dense_hinge_loss,
    detector_loss,
    dual_softmax_loss,
    hard_target,
    soft_target,
)

SIZE = (16, 24)


def target_of(*points):
    points = torch.tensor([points], dtype=torch.float32)
    return soft_target(points, torch.ones(points.shape[:2]), SIZE)


def test_a_point_on_a_pixel_is_one_class_of_one_cell():
    target = target_of((10.0, 5.0))
    assert target.shape == (1, 65, 2, 3)
    assert target[0, 8 * 5 + 2, 0, 1] == 1
    assert target[0, 64].sum() == 5  # the other cells hold no point


def test_a_point_between_pixels_is_shared_out_and_every_cell_sums_to_one():
    target = target_of((7.25, 5.5), (9.0, 5.0), (9.0, 6.0))
    torch.testing.assert_close(target.sum(1), torch.ones(1, 2, 3))
    assert target[0, 8 * 5 + 7, 0, 0] == pytest.approx(0.75 * 0.5)
    assert target[0, 64, 0, 0] == pytest.approx(0.25)


def test_points_that_are_not_visible_or_outside_count_for_nothing():
    points = torch.tensor([[[3.0, 3.0], [100.0, 3.0], [-5.0, 2.0]]])
    target = soft_target(points, torch.tensor([[0.0, 1.0, 1.0]]), SIZE)
    assert (target[0, 64] == 1).all()


def test_a_point_that_is_half_believed_leaves_half_to_the_dustbin():
    target = soft_target(torch.tensor([[[3.0, 3.0]]]), torch.tensor([[0.5]]), SIZE)
    assert target[0, 8 * 3 + 3, 0, 0] == target[0, 64, 0, 0] == 0.5


def test_the_papers_target_picks_one_point_of_a_cell_at_random():
    points = torch.tensor([[[1.2, 1.0], [5.0, 5.4]]])
    valid = torch.ones(1, 2, dtype=torch.bool)
    picked = set()
    for seed in range(20):
        target = hard_target(points, valid, SIZE, torch.Generator().manual_seed(seed))
        assert (target.sum(1) == 1).all() and set(target.unique().tolist()) == {0, 1}
        picked.add(int(target[0, :, 0, 0].argmax()))
    assert picked == {8 * 1 + 1, 8 * 5 + 5}


def test_points_outside_are_none_of_the_papers_classes_and_images_keep_their_own():
    points = torch.tensor([[[-3.0, 2.0], [10.0, 5.0]], [[3.0, -2.0], [24.0, 3.0]], [[3.0, 16.0], [0.0, 12.0]]])
    target = hard_target(points, torch.ones(3, 2, dtype=torch.bool), SIZE, torch.Generator().manual_seed(0))
    expected = torch.zeros(3, 65, 2, 3)
    expected[:, 64] = 1
    expected[0, :, 0, 1] = torch.eye(65)[8 * 5 + 2]
    expected[2, :, 1, 0] = torch.eye(65)[8 * 4 + 0]
    assert torch.equal(target, expected)


def test_the_detector_loss_is_the_cross_entropy_of_the_masked_cells():
    target = target_of((10.0, 5.0))
    logits = torch.zeros(1, 65, 2, 3)
    mask = torch.zeros(1, 2, 3, dtype=torch.bool)
    mask[0, 0, 1] = True
    assert detector_loss(logits, target, mask).item() == pytest.approx(math.log(65))
    logits[0, 8 * 5 + 2, 0, 1] = 50
    logits[0, 0, 1, 2] = 50  # wrong, but outside the mask
    assert detector_loss(logits, target, mask).item() == pytest.approx(0, abs=1e-6)


def pairs_of(descriptors0, descriptors1, spacing=20.0):
    count = descriptors0.shape[1]
    positions = torch.arange(count).float()[None, :, None].expand(1, count, 2) * spacing
    return Correspondences(
        descriptors0, descriptors1, positions, torch.ones(1, count, dtype=torch.bool), torch.ones(1, count)
    )


@pytest.mark.parametrize("name", list(SPARSE_LOSSES))
def test_right_matches_cost_less_than_wrong_ones(name):
    unit = torch.eye(8)[None]
    right = SPARSE_LOSSES[name](pairs_of(unit, unit))
    wrong = SPARSE_LOSSES[name](pairs_of(unit, unit.roll(1, 1)))
    assert right < 0.01 < wrong


@pytest.mark.parametrize("name", list(SPARSE_LOSSES))
def test_places_nearer_than_the_safe_radius_do_not_compete(name):
    same = torch.ones(1, 6, 4) / 2
    near, far = SPARSE_LOSSES[name](pairs_of(same, same, 0.1)), SPARSE_LOSSES[name](pairs_of(same, same, 20.0))
    assert near.item() == pytest.approx(0, abs=1e-5)
    assert far > 0.1


@pytest.mark.parametrize("name", list(SPARSE_LOSSES))
def test_places_that_one_view_does_not_see_change_nothing(name):
    torch.manual_seed(0)
    unit = torch.nn.functional.normalize(torch.randn(1, 9, 8), dim=-1)
    noisy = torch.nn.functional.normalize(unit + 0.3 * torch.randn(1, 9, 8), dim=-1)
    pairs = pairs_of(unit, noisy)
    part = Correspondences(*(value[:, :6] for value in pairs))
    valid = torch.arange(9)[None] < 6
    assert SPARSE_LOSSES[name](pairs._replace(valid=valid, weights=valid.float())).item() == pytest.approx(
        SPARSE_LOSSES[name](part).item(), abs=1e-5
    )


@pytest.mark.parametrize("name", list(SPARSE_LOSSES))
def test_places_count_by_their_weights_and_compete_at_full_strength(name):
    unit = torch.eye(4)[None]
    pairs = pairs_of(unit, unit[:, [1, 0, 2, 3]])  # the first two are taken for each other
    only_wrong, only_right, all_alike, mostly_right = (
        SPARSE_LOSSES[name](pairs._replace(weights=torch.tensor([weights]))).item()
        for weights in ([1.0, 1, 0, 0], [0.0, 0, 1, 1], [1.0, 1, 1, 1], [0.5, 0.5, 1.5, 1.5])
    )
    assert only_right < 0.01 < only_wrong
    assert all_alike == pytest.approx(0.5 * only_wrong + 0.5 * only_right, abs=1e-5)
    assert mostly_right == pytest.approx(0.25 * only_wrong + 0.75 * only_right, abs=1e-5)


def test_a_lower_temperature_looks_at_the_nearest_wrong_ones():
    rows = torch.nn.functional.normalize(torch.tensor([[[1.0, 0, 0], [0.9, 0.5, 0], [0, 0, 1.0]]]), dim=-1)
    rows.requires_grad_()
    shares = []
    for temperature in (0.2, 0.05):
        (slope,) = torch.autograd.grad(dual_softmax_loss(pairs_of(rows.detach(), rows), temperature), rows)
        pull = (slope[0] @ rows[0, 0].detach()).abs()  # of the first place's descriptor on the others'
        shares.append(float(pull[1] / (pull[1] + pull[2])))
    assert 0.5 < shares[0] < shares[1]


def test_the_dense_hinge_is_the_papers_equation():
    torch.manual_seed(0)
    coarse0, coarse1 = (torch.nn.functional.normalize(torch.randn(1, 8, 2, 3), dim=1) for _ in range(2))
    centres = torch.tensor([[(8 * x + 3.5, 8 * y + 3.5) for y in range(2) for x in range(3)]])
    expected = 0.0
    for i in range(6):
        for j in range(6):
            product = float(coarse0[0, :, i // 3, i % 3] @ coarse1[0, :, j // 3, j % 3])
            expected += 250 * max(0, 1 - product) if i == j else max(0, product - 0.2)
    given = dense_hinge_loss(coarse0, coarse1, centres, torch.ones(1, 2, 3), torch.ones(1, 2, 3))
    assert given.item() == pytest.approx(expected / 36, rel=1e-4)


def test_the_dense_hinge_learns_from_the_cells_of_both_masks_alone():
    coarse0, coarse1 = (torch.full((1, 4, 2, 3), 0.5, requires_grad=True) for _ in range(2))  # all alike: all wrong
    centres = torch.tensor([[(8 * x + 3.5, 8 * y + 3.5) for y in range(2) for x in range(3)]])
    left, right = torch.tensor([[[1.0, 1, 0], [1, 1, 0]]]), torch.tensor([[[0.0, 1, 1], [0, 1, 1]]])
    dense_hinge_loss(coarse0, coarse1, centres, left, right).backward()
    assert ((coarse0.grad.abs().sum(1) > 0) == (left > 0)).all()
    assert ((coarse1.grad.abs().sum(1) > 0) == (right > 0)).all()
