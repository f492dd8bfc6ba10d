"""A large network that begins as a small one: what the small one learned on few cores is where the large one starts."""

import torch
from torch import nn

from slam_frontend.errors import ConfigError
from slam_frontend.models.network_config import NetworkConfig
from slam_frontend.models.superpoint import SKIP, SuperPoint

HEADS = ("convPa", "convPb", "convDa", "convDb")
NEW_DIMENSIONS = 0.1  # of a usual first weight: were they 0 in both views, no gradient would ever move them


def grow(small: SuperPoint, config: NetworkConfig) -> SuperPoint:
    """A folded network of the larger config that computes nearly what the folded small one does, with room to learn.

    Net2Net (Chen 2016): known channels come first and keep their weights, layers in between pass them on, and new
    channels start as random filters that no known one reads yet. A first layer of stride 2 becomes one of stride 1 and
    a pooling, which keeps the strongest of four neighbours instead of every fourth: that, and small new dimensions of
    the descriptor, is all that differs. ConfigError if the small network doesn't fit into the config.
    """
    large = SuperPoint(config)
    origins = _origins(small.config, config)
    known = 1  # channels of the small network that reach the layer
    for name in large.layer_names:
        layer = large.layer(name)
        if name in origins:
            _continue(layer, small.layer(origins[name]))
            known = small.layer(origins[name]).out_channels
        elif name != SKIP:  # zeros where it is new
            _pass_on(layer, known)
    with torch.no_grad():
        large.layer("convDb").weight[small.config.descriptor_dim :] *= NEW_DIMENSIONS
    return large.eval()


def _origins(small: NetworkConfig, large: NetworkConfig) -> dict[str, str]:
    """Which layer of the small network each layer of the large one continues; the others pass on."""
    if small.stem_stride < large.stem_stride:
        raise ConfigError("a network whose first layer has stride 1 can't grow into one with stride 2; swap them")
    placed = small
    if small.stem_stride > large.stem_stride:  # a pooling after the first layer takes its stride's place
        first, *rest = small.blocks
        placed = small.model_copy(update={"blocks": (first[:1], first[1:], *rest)})
    wanted = len(large.blocks) - len(small.blocks) + small.skip  # the block at the same scale
    if small.skip and large.skip != wanted:
        raise ConfigError(f"network.skip: expected {wanted}, as the smaller network has it, found {large.skip}; set it")
    heads = HEADS + (SKIP,) * bool(small.skip)
    known, places, there = ([layer.name for layer in config.encoder()] for config in (small, placed, large))
    lacking = [name for name in places if name not in there]
    if lacking:
        raise ConfigError(f"the larger network lacks {lacking[0]}, which the small one has: make its blocks longer")
    return {name: name for name in heads} | dict(zip(places, known, strict=True))


@torch.no_grad()
def _continue(new: nn.Conv2d, old: nn.Conv2d) -> None:
    """The old layer's weights in the first channels; they read nothing that is new."""
    outputs, inputs = old.weight.shape[:2]
    if new.out_channels < outputs or new.in_channels < inputs:
        raise ConfigError(
            f"a layer of {inputs} to {outputs} channels can't grow into one of {new.in_channels} to "
            f"{new.out_channels}: choose a smaller network to start from"
        )
    new.weight[:outputs] = 0
    new.weight[:outputs, :inputs] = old.weight
    assert (new.bias is None) == (old.bias is None)
    if new.bias is not None and old.bias is not None:
        new.bias[:outputs] = old.bias


@torch.no_grad()
def _pass_on(layer: nn.Conv2d, known: int) -> None:
    """The first channels as they come: they are behind a ReLU already, so that another changes nothing."""
    if layer.out_channels < known:
        raise ConfigError(f"a layer of {layer.out_channels} channels can't pass on {known}: choose a smaller start")
    layer.weight[:known] = 0
    centre = layer.kernel_size[0] // 2
    layer.weight[:known, :known, centre, centre] = torch.eye(known)
