"""The network: one encoder, a detector head and a descriptor head, sized by its config."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from slam_frontend.models.network_config import CELL, PAPER, NetworkConfig

SKIP = "convPs"  # what the detector head reads of an earlier block, a part of its first layer
DUSTBIN_BIAS = 5.0  # most cells hold no corner: start there instead of spending the warm-up on it


class SuperPoint(nn.Module):
    """Maps images (B,1,H,W) in 0..1 to logits (B,65,H/8,W/8) and unit descriptors (B,D,H/8,W/8).

    With ``norm`` every layer but the two last is followed by batch norm, for training; ``fold`` takes it out.
    """

    def __init__(self, config: NetworkConfig = PAPER, norm: bool = False) -> None:
        super().__init__()
        self.config = config
        self._encoder = config.encoder()
        self.layer_names: list[str] = []
        for name, inputs, channels, stride, *_ in self._encoder:
            self._add(name, inputs, channels, 3, stride, norm)
        self._add("convPa", channels, config.head, 3, 1, norm)
        self._add("convPb", config.head, CELL * CELL + 1, 1, 1, False)
        self._add("convDa", channels, config.head, 3, 1, norm)
        self._add("convDb", config.head, config.descriptor_dim, 1, 1, False)
        if config.skip:  # last: the others draw the same weights with it and without
            self._add_skip()
        self._start_with_no_corners()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x, detail = images, None
        for layer in self._encoder:
            if layer.skips:
                x = self._convolve(layer.name, x)
                detail = self.layer(SKIP)(x)
                x = F.max_pool2d(x, 2)
            else:
                x = self._convolve(layer.name, x, layer.pool)
        logits = self.layer("convPb")(self._convolve("convPa", x, plus=detail))
        coarse = self.layer("convDb")(self._convolve("convDa", x))
        return logits, F.normalize(coarse, dim=1)

    def layer(self, name: str) -> nn.Conv2d:
        """The convolution of that name."""
        layer = self._modules[name]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def norm_after(self, name: str) -> nn.BatchNorm2d | None:
        """The batch norm behind the convolution of that name, if it has one; the skip's is that of the sum."""
        norm = self._modules.get(_norm_name(name))
        assert norm is None or isinstance(norm, nn.BatchNorm2d)
        return norm

    def _add(self, name: str, inputs: int, outputs: int, kernel: int, stride: int, norm: bool) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        self.add_module(name, convolution)
        self.layer_names.append(name)
        if norm:
            self.add_module(_norm_name(name), nn.BatchNorm2d(outputs))

    def _add_skip(self) -> None:
        channels, stride = self.config.blocks[self.config.skip - 1][-1], self.config.skip_stride
        layer = nn.Conv2d(channels, self.config.head, stride, stride, bias=False)
        nn.init.zeros_(layer.weight)  # what reads the sum learns, so that this does
        self.add_module(SKIP, layer)
        self.layer_names.append(SKIP)

    def _convolve(self, name: str, x: Tensor, pool: bool = False, plus: Tensor | None = None) -> Tensor:
        x = self.layer(name)(x)
        if plus is not None:
            x = x + plus
        norm = self.norm_after(name)
        if norm is not None:
            x = norm(x)
        if pool:  # before the ReLU: the same result for a quarter of its work
            x = F.max_pool2d(x, 2)
        return F.relu(x, inplace=True)

    def _start_with_no_corners(self) -> None:
        last = self.layer("convPb")
        assert last.bias is not None
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias[-1] = DUSTBIN_BIAS


def fold(network: SuperPoint) -> SuperPoint:
    """A network in eval mode without batch norm that answers as the given one does in eval mode."""
    state: OrderedDict[str, Tensor] = OrderedDict()
    for name in network.layer_names:
        layer, norm = network.layer(name), network.norm_after(name)
        if norm is not None:
            layer = fuse_conv_bn_eval(layer.eval(), norm.eval())
        state[f"{name}.weight"] = layer.weight.detach().clone()
        if name != SKIP:  # a sum needs one bias
            assert layer.bias is not None
            state[f"{name}.bias"] = layer.bias.detach().clone()
    folded = SuperPoint(network.config)
    folded.load_state_dict(state)
    return folded.to(next(network.parameters()).device).eval()


def unfold(network: SuperPoint, images: Tensor) -> SuperPoint:
    """A network with batch norm that answers as the given one without does, so that it can learn on; the statistics
    are those of the images (B,1,H,W)."""
    unfolded = SuperPoint(network.config, norm=True)
    unfolded.load_state_dict(network.state_dict(), strict=False)
    norms = [layer for layer in unfolded.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_adopt_statistics) for norm in norms]
    with torch.inference_mode():
        unfolded.eval()(images)
    for hook in hooks:
        hook.remove()
    return unfolded.train()


def blend(network: SuperPoint, start: SuperPoint, share: float) -> SuperPoint:
    """The mean of two folded networks, weighted by the share of the one that the other was trained on from: it keeps
    what the training forgot and most of what it learned (Wortsman 2022, "Robust fine-tuning")."""
    parameters = zip(network.state_dict().items(), start.state_dict().values(), strict=True)
    blended = SuperPoint(network.config)
    blended.load_state_dict({name: (1 - share) * new + share * old for (name, new), old in parameters})
    return blended.eval()


def _adopt_statistics(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    """Make the norm undo itself on what it is about to see, (B,C,H,W)."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
    with torch.no_grad():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)


def _norm_name(convolution: str) -> str:
    return "normPa" if convolution == SKIP else convolution.replace("conv", "norm")
