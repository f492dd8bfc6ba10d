"""How a network is sized, readable without torch."""

from typing import Literal

from pydantic import PositiveInt, model_validator

from slam_frontend.config import Section

CELL = 8  # pixels per side of a cell; the heads answer once per cell


class NetworkConfig(Section):
    """Channels of the network; the defaults are the paper's (DeTone 2018, section 3)."""

    blocks: tuple[tuple[PositiveInt, PositiveInt], ...] = ((64, 64), (64, 64), (128, 128), (128, 128))
    stem_stride: Literal[1, 2] = 1
    head: PositiveInt = 256
    descriptor_dim: PositiveInt = 256

    @model_validator(mode="after")
    def _reduces_by_eight(self) -> "NetworkConfig":
        expected = 4 if self.stem_stride == 1 else 3
        if len(self.blocks) != expected:
            raise ValueError(f"a stem of stride {self.stem_stride} needs {expected} blocks to end at 1/{CELL}")
        return self

    def operations(self, height: int, width: int) -> int:
        """Multiplications and additions of all convolutions for one image."""
        channels, places, total = 1, height * width // self.stem_stride**2, 0
        for number, (first, second) in enumerate(self.blocks):
            places //= 4 if number else 1  # what was pooled before
            total += 9 * places * (channels * first + first * second)
            channels = second
        outputs = CELL * CELL + 1 + self.descriptor_dim
        total += places * (2 * 9 * channels * self.head + self.head * outputs)
        return 2 * total


PAPER = NetworkConfig()
FAST = NetworkConfig(blocks=((16, 32), (32, 64), (64, 64)), stem_stride=2, head=128, descriptor_dim=64)
