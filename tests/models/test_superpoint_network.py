"""The network has the paper's layers, and folding changes nothing."""

import pytest
import torch
from random_network import random_network

from slam_frontend.config import parse_config
from slam_frontend.errors import ConfigError
from slam_frontend.models.network_config import FAST, NetworkConfig
from slam_frontend.models.superpoint import SuperPoint, blend, fold, unfold

PUBLISHED = [
    "conv1a",
    "conv1b",
    "conv2a",
    "conv2b",
    "conv3a",
    "conv3b",
    "conv4a",
    "conv4b",
    "convPa",
    "convPb",
    "convDa",
    "convDb",
]
UNEVEN = NetworkConfig(blocks=((8,), (8, 16, 8), (8, 16)), stem_stride=2, head=16, descriptor_dim=16, skip=1)


def test_the_papers_network_has_its_size_and_its_layer_names():
    network = SuperPoint()
    assert sum(p.numel() for p in network.parameters()) == 1_300_865
    assert {name.split(".")[0] for name in network.state_dict()} == set(PUBLISHED)


@pytest.mark.parametrize("config", [NetworkConfig(), FAST, UNEVEN])
def test_outputs_have_65_classes_and_unit_descriptors_once_per_cell(config):
    with torch.inference_mode():
        logits, descriptors = SuperPoint(config)(torch.rand(2, 1, 48, 64))
    assert logits.shape == (2, 65, 6, 8)
    assert descriptors.shape == (2, config.descriptor_dim, 6, 8)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(2, 6, 8))


def test_folding_keeps_what_the_network_says():
    network = random_network(FAST, norm=True).train()
    for _ in range(3):  # so that batch norm has something to fold
        network(torch.rand(8, 1, 48, 64) * 0.7)
    images = torch.rand(2, 1, 48, 64)
    folded = fold(network.eval())
    assert not any("norm" in name for name in folded.state_dict())
    with torch.inference_mode():
        for given, expected in zip(folded(images), network(images), strict=True):
            torch.testing.assert_close(given, expected, atol=1e-4, rtol=1e-4)


def test_a_network_unfolded_says_the_same_before_and_nearly_so_while_it_learns():
    folded = random_network(FAST).eval()
    images = torch.rand(8, 1, 64, 96)
    unfolded = unfold(folded, images)
    with torch.inference_mode():
        logits, descriptors = folded(images)
        for found, expected in zip(unfolded.eval()(images), (logits, descriptors), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        assert (unfolded.train()(images)[0] - logits).abs().max() < 0.05 * logits.abs().max()
    again = fold(unfolded.eval())
    assert set(again.state_dict()) == set(folded.state_dict())


def test_a_blend_lies_between_its_two_networks():
    torch.manual_seed(2)
    new, old = SuperPoint(FAST).eval(), SuperPoint(FAST).eval()
    for share, expected in ((0.0, new), (0.25, None), (1.0, old)):
        found = blend(new, old, share).layer("convPa").weight
        if expected is None:
            torch.testing.assert_close(found, 0.75 * new.layer("convPa").weight + 0.25 * old.layer("convPa").weight)
        else:
            torch.testing.assert_close(found, expected.layer("convPa").weight)


def test_a_network_that_does_not_end_at_an_eighth_is_refused_with_a_sentence():
    with pytest.raises(ConfigError, match="needs 3 blocks"):
        parse_config(NetworkConfig, {"stem_stride": 2}, source="x.yaml")
    with pytest.raises(ConfigError, match="at least 1 item"):
        parse_config(NetworkConfig, {"blocks": [[8], [], [8], [8]]}, source="x.yaml")


@pytest.mark.parametrize("skip", [1, 2])
def test_the_detector_alone_sees_what_it_skips_to(skip):
    network = random_network(UNEVEN.model_copy(update={"skip": skip})).eval()
    images = torch.rand(1, 1, 48, 64)
    with torch.inference_mode():
        logits, descriptors = network(images)
        network.layer("convPs").weight.zero_()
        others, alike = network(images)
    assert (logits - others).abs().min() > 0, "of every cell and class"
    torch.testing.assert_close(alike, descriptors)


def test_a_skip_to_the_last_block_or_beyond_is_refused_with_a_sentence():
    with pytest.raises(ConfigError, match="from 1 to 3, or 0 for none, found 4"):
        parse_config(NetworkConfig, {"skip": 4}, source="x.yaml")


def test_a_block_is_as_deep_as_its_config_says():
    layers = UNEVEN.encoder()
    assert [layer.name for layer in layers] == ["conv1a", "conv2a", "conv2b", "conv2c", "conv3a", "conv3b"]
    assert [(layer.inputs, layer.outputs) for layer in layers] == [(1, 8), (8, 8), (8, 16), (16, 8), (8, 8), (8, 16)]
    assert [layer.stride for layer in layers] == [2, 1, 1, 1, 1, 1]
    assert [layer.pool for layer in layers] == [True, False, False, True, False, False]


@pytest.mark.parametrize("config", [NetworkConfig(), FAST, UNEVEN])
def test_operations_are_those_of_the_layers(config):
    counted = []
    network = SuperPoint(config)
    for name in network.layer_names:
        layer = network.layer(name)
        layer.register_forward_hook(
            lambda layer, _, output: counted.append(2 * layer.weight.numel() * output[0, 0].numel())
        )
    network(torch.zeros(1, 1, 48, 64))
    assert config.operations(48, 64) == sum(counted)
