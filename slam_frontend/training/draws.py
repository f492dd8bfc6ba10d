"""Random numbers, drawn on the device of their generator: none is sent to a GPU."""

import torch
from torch import Generator, Tensor


def uniform(generator: Generator, *shape: int) -> Tensor:
    """Float32 numbers between 0 and 1."""
    return torch.rand(shape, generator=generator, device=generator.device)


def normal(generator: Generator, *shape: int) -> Tensor:
    """Float32 numbers of mean 0 and deviation 1."""
    return torch.randn(shape, generator=generator, device=generator.device)


def integers(generator: Generator, high: int, *shape: int) -> Tensor:
    """Int64 numbers from 0 up to, but not including, ``high``."""
    return torch.randint(high, shape, generator=generator, device=generator.device)


def shuffled(generator: Generator, count: int) -> Tensor:
    """The int64 numbers below ``count`` in random order."""
    return torch.randperm(count, generator=generator, device=generator.device)
