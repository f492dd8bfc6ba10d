"""A grown network starts where the small one stopped, and all of it learns."""

import pytest
import torch
from random_network import random_network

from slam_frontend.errors import ConfigError
from slam_frontend.models.growth import grow
from slam_frontend.models.network_config import NetworkConfig
from slam_frontend.models.superpoint import SuperPoint

SMALL = NetworkConfig(blocks=((16, 32), (32, 64), (64, 64)), stem_stride=2, head=128, descriptor_dim=64)
LARGE = NetworkConfig(blocks=((24, 32), (40, 48), (72, 80), (96, 72)), head=160, descriptor_dim=96)
DEEPER = NetworkConfig(
    blocks=((16, 32, 40), (32, 64), (64, 64, 72, 64, 64)), stem_stride=2, head=128, descriptor_dim=64
)
WIDER = NetworkConfig(blocks=((20, 40), (32, 64), (64, 80)), stem_stride=2, head=128, descriptor_dim=64)
SKIPPING = WIDER.model_copy(update={"skip": 2})


@pytest.fixture
def small():
    torch.manual_seed(3)
    return SuperPoint(SMALL).eval()


def answers(network, images):
    with torch.inference_mode():
        return network(images)


@pytest.mark.parametrize("config", [WIDER, DEEPER, SKIPPING])
def test_a_larger_network_of_the_same_dimensions_answers_as_the_small_one(small, config):
    images = torch.rand(2, 1, 48, 64)
    for found, expected in zip(answers(grow(small, config), images), answers(small, images), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_only_the_pooling_in_place_of_the_stride_tells_a_network_without_it_from_the_small_one(small):
    constant = torch.full((1, 1, 96, 96), 0.7)  # the strongest of four equal neighbours is every fourth
    logits, descriptors = answers(grow(small, LARGE), constant)
    expected_logits, expected = answers(small, constant)
    centre = (slice(None), slice(None), slice(5, 7), slice(5, 7))  # zeros beyond the border reach less far in
    torch.testing.assert_close(logits[centre], expected_logits[centre], atol=1e-5, rtol=1e-4)
    cosine = (descriptors[centre][:, :64] * expected[centre]).sum(1)
    assert cosine.min() > 0.9, "new dimensions should hardly weigh"


def test_every_new_channel_learns(small):
    large = grow(small, LARGE)
    logits, descriptors = large(torch.rand(2, 1, 48, 64))
    (logits.square().mean() + descriptors[0, :, 2, 2] @ descriptors[1, :, 3, 3]).backward()
    for name in ("convPb", "convDa", "conv4b", "conv1b"):
        assert (large.layer(name).weight.grad.flatten(1).abs().amax(1) > 0).float().mean() > 0.4, name
    assert (large.layer("convDb").weight.grad[64:].abs().amax(1) > 0).all()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (NetworkConfig(blocks=((16, 32), (32, 64), (64, 64)), stem_stride=2, head=64), "smaller network"),
        (NetworkConfig(blocks=((16, 8), (32, 32), (64, 64), (64, 64))), "smaller"),
        (NetworkConfig(blocks=((16, 32), (32, 64), (64,)), stem_stride=2), "lacks conv3b"),
    ],
)
def test_a_network_with_less_room_is_refused_with_a_sentence(small, config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        grow(small, config)


def test_a_network_does_not_grow_coarser():
    with pytest.raises(ConfigError, match="stride"):
        grow(SuperPoint(LARGE), SMALL)


def test_a_skip_is_kept_between_networks_that_read_the_same_scale():
    skipping = random_network(SMALL.model_copy(update={"skip": 2})).eval()
    images = torch.rand(2, 1, 48, 64)
    grown = grow(skipping, SKIPPING)
    for found, expected in zip(answers(grown, images), answers(skipping, images), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    for config in (WIDER, WIDER.model_copy(update={"skip": 1})):
        with pytest.raises(ConfigError, match=f"skip: expected 2, .* found {config.skip}"):
            grow(skipping, config)
    with pytest.raises(ConfigError, match="skip: expected 3, .* found 0"):
        grow(skipping, LARGE)


def test_a_new_skip_learns(small):
    grown = grow(small, SKIPPING)
    grown(torch.rand(2, 1, 48, 64))[0].square().mean().backward()
    assert (grown.layer("convPs").weight.grad.flatten(1).abs().amax(1) > 0).float().mean() > 0.4
