"""What the joint stage's detector learns from."""

import pytest
import torch
from tiny_loop import CPU, TINY

from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import JointConfig, LoopConfig
from slam_frontend.training.joint import JointTask
from slam_frontend.training.losses import SPARSE_LOSSES


def photos_and_labels():
    photos = torch.randint(256, (3, 48, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return photos, torch.rand(3, 5, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([63, 47, 1.0])


def learn_to_detect(network, teacher=None):
    """The gradients of the detector's loss of a batch of four are left where they belong."""
    photos, labels = photos_and_labels()
    task = JointTask(photos, labels, photos[:1], JointConfig(settle=False, places=8), CPU, teacher=teacher)
    task.losses(network, 4, (32, 32), torch.Generator().manual_seed(2))["detector"].backward()


def detector_gradients(network, teacher):
    network.zero_grad()
    learn_to_detect(network, teacher)
    return network.layer("convPb").weight.grad.abs().max()


def test_a_detector_that_sees_what_its_teacher_sees_has_nothing_to_learn():
    torch.manual_seed(0)
    network, other = SuperPoint(TINY).eval(), SuperPoint(TINY).eval()
    assert detector_gradients(network, teacher=network) < 1e-6
    assert detector_gradients(network, teacher=other) > 1e-4
    assert detector_gradients(network, teacher=None) > 1e-4


def test_a_teacher_learns_nothing_itself():
    teacher = SuperPoint(TINY)
    detector_gradients(SuperPoint(TINY), teacher)
    assert not teacher.training and all(parameter.grad is None for parameter in teacher.parameters())


def test_the_detector_learns_from_both_views():
    logits = torch.zeros(4, 65, 4, 4, requires_grad=True)
    learn_to_detect(lambda images: (logits, torch.ones(4, 4, 4, 4) / 2))
    assert (logits.grad.abs().amax((1, 2, 3)) > 0).all()


@pytest.mark.parametrize("descriptor_loss", [*SPARSE_LOSSES, "dense_hinge"])
def test_a_network_that_has_diverged_has_losses_that_are_no_numbers(descriptor_loss):
    def diverged(images):
        return torch.full((4, 65, 4, 4), torch.nan), torch.full((4, 4, 4, 4), torch.nan)

    photos, labels = photos_and_labels()
    config = JointConfig(descriptor_loss=descriptor_loss, places=8)
    losses = JointTask(photos, labels, photos[:1], config, CPU).losses(diverged, 4, (32, 32), torch.Generator())
    assert losses["detector"].isnan() and losses["descriptor"].isnan()


def test_descriptors_learn_from_smaller_images_too():
    photos, labels = photos_and_labels()
    config = JointConfig(loop=LoopConfig(size=(48, 64), late_size=(32, 32)), places=8)
    task = JointTask(photos, labels, photos[:1], config, CPU)
    assert task.losses(SuperPoint(TINY), 4, (32, 32), torch.Generator().manual_seed(0))["descriptor"] > 0


def descriptor_loss_of(labels, **settings):
    torch.manual_seed(0)
    photos, _ = photos_and_labels()
    task = JointTask(photos, labels, photos[:1], JointConfig(settle=False, places=8, **settings), CPU)
    return task.losses(SuperPoint(TINY).eval(), 4, (32, 32), torch.Generator().manual_seed(0))["descriptor"].item()


def test_places_that_are_no_labels_count_by_their_weight():
    no_labels = torch.full((3, 5, 3), torch.nan)
    assert descriptor_loss_of(no_labels, plain_weight=0) == 0
    assert descriptor_loss_of(no_labels) > 0
    _, labels = photos_and_labels()
    assert descriptor_loss_of(labels, plain_weight=0) > 0


def test_the_temperature_is_the_configs():
    _, labels = photos_and_labels()
    assert descriptor_loss_of(labels, temperature=0.04) != pytest.approx(descriptor_loss_of(labels), rel=1e-3)
