"""A loop of a tiny network and a task that takes milliseconds."""

import torch

from slam_frontend.models.network_config import NetworkConfig
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import LoopConfig
from slam_frontend.training.engine import Engine
from slam_frontend.training.loop import Loop

TINY = NetworkConfig(blocks=((2, 2), (2, 2), (2, 2)), stem_stride=2, head=4, descriptor_dim=4)
CPU = Engine(torch.device("cpu"), torch.float32)


class Reconstruct:
    """A task whose loss depends on the step's generator and on the network alone."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.calls = 0
        self.fail_at = fail_at

    def losses(self, network, batch, size, generator):
        self.calls += 1
        logits, descriptors = network(torch.rand(batch, 1, *size, generator=generator))
        loss = logits.square().mean() + descriptors[:, 0].mean()
        return {"all": loss * (float("nan") if self.calls == self.fail_at else 1.0)}

    def validate(self, network):
        return {"score": -float(network.layer("convPb").weight.abs().sum())}

    def picture(self, network):
        return torch.zeros(3, 4, 4)


def make_loop(folder, task=None, engine=CPU, seed=0, **settings):
    torch.manual_seed(0)
    config = LoopConfig(**{"steps": 12, "batch": 2, "size": (16, 16), "validations": 2, **settings})
    return Loop(SuperPoint(TINY, norm=True), task or Reconstruct(), config, engine, folder, seed)


def weights_of(loop):
    return torch.cat([p.detach().flatten() for p in loop.network.parameters()])
