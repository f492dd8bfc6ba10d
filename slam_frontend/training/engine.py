"""Where training runs: device, precision and, under torchrun, which of the processes this is."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor, distributed, nn

from slam_frontend.errors import ConfigError
from slam_frontend.models.superpoint import SuperPoint

BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}  # of CPUs that multiply in it
CPU_FLAGS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Engine:
    """A device, the precision of the network on it, and this process among the others."""

    device: torch.device
    dtype: torch.dtype
    rank: int = 0
    world: int = 1

    def autocast(self) -> AbstractContextManager[object]:
        """The context to run the network in; losses stay outside."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def answer(self, network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        """The network's logits and descriptors of images (B,1,H,W) in 0..1, computed in this precision."""
        with self.autocast():
            logits, descriptors = network(images.contiguous(memory_format=torch.channels_last))
        return logits, descriptors

    def generator(self, seed: int) -> torch.Generator:
        """Of random numbers on the device."""
        return torch.Generator(self.device).manual_seed(seed)

    def place(self, network: SuperPoint) -> SuperPoint:
        """The network on the device, in the memory layout that convolutions are fastest in."""
        return network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[no-any-return,call-overload]

    def wait_for_all(self) -> None:
        """Go on when every process has come here."""
        if self.world > 1:
            distributed.barrier()


@contextmanager
def without_denormals() -> Iterator[None]:
    """Numbers too small for a normal float are 0: vanishing gradients and moments would slow a CPU down. It holds for
    all that the process computes, so that it ends with the training."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """One training at a time in a folder; ConfigError where another process is at it."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigError(f"{folder}: another training runs here; wait for its end or choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what torch says with it, of a GPU's memory or of this machine's."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def is_first_process() -> bool:
    """Whether this process is the one that writes and talks."""
    return int(os.environ.get("RANK", 0)) == 0


def create_engine(device: str = "auto", precision: str = "auto") -> Engine:
    """The engine that the settings and torchrun's environment ask for."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    chosen = _choose_device(device)
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    if precision == "auto":
        fast = chosen.type == "cuda" or has_bfloat16()
        return Engine(chosen, torch.bfloat16 if fast else torch.float32, rank, world)
    return Engine(chosen, getattr(torch, precision), rank, world)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; without that it is far slower than float32."""
    return CPU_FLAGS.exists() and not BFLOAT16_FLAGS.isdisjoint(CPU_FLAGS.read_text("utf-8").split())


def _choose_device(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device: {device} can't be used ({error}); use auto, cpu or cuda") from error
    return torch.device(device)
