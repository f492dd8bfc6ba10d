"""A call on the GPU recorded once and replayed: one launch instead of one for each layer."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

WARM_UP = 3  # calls in which the libraries choose their algorithms, before anything is recorded
SIZES_KEPT = 4  # recordings: each holds the memory of all its layers
Call = Callable[[Tensor], tuple[Tensor, Tensor]]


class Recorded:
    """Records a call when the first tensor of a size comes; its outputs hold until the next call of that size.

    What the GPU can't record is called layer by layer.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._replays: dict[torch.Size, Call] = {}

    def __call__(self, given: Tensor, /) -> tuple[Tensor, Tensor]:
        if given.shape not in self._replays:
            if len(self._replays) == SIZES_KEPT:
                del self._replays[next(iter(self._replays))]
            self._replays[given.shape] = self._recorded(given)
        return self._replays[given.shape](given)

    def _recorded(self, given: Tensor) -> Call:
        try:
            return record(self._call, given)
        except RuntimeError as error:  # of a driver or of a build of torch; the network itself may well run
            logger.warning("the GPU can't record the network and runs it layer by layer (%s)", error)
            return self._call


def record(call: Call, given: Tensor) -> Call:
    """The call as a CUDA graph for tensors of the shape and type of the given one, which lies on the GPU."""
    read = given.clone()  # a graph reads and writes the same memory at every replay
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            call(read)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        written = call(read)

    def replay(tensor: Tensor) -> tuple[Tensor, Tensor]:
        read.copy_(tensor)
        graph.replay()
        return written

    return replay
