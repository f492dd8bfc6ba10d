"""How a network is sized, readable without torch."""

from string import ascii_lowercase
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from slam_frontend.config import Section

CELL = 8  # pixels per side of a cell; the heads answer once per cell
Block = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=len(ascii_lowercase))]


class EncoderLayer(NamedTuple):
    """A 3x3 convolution of the encoder."""

    name: str
    inputs: int
    outputs: int
    stride: int
    pool: bool  # whether a pooling by 2 follows
    skips: bool  # whether the detector head reads it too, before that pooling


class NetworkConfig(Section):
    """Channels of the network; the defaults are the paper's (DeTone 2018, section 3)."""

    blocks: tuple[Block, ...] = ((64, 64), (64, 64), (128, 128), (128, 128))
    stem_stride: Literal[1, 2] = 1
    head: PositiveInt = 256
    descriptor_dim: PositiveInt = 256
    skip: NonNegativeInt = 0  # the block that the detector head reads besides the last, before its pooling; 0 for none

    @model_validator(mode="after")
    def _reduces_by_eight(self) -> "NetworkConfig":
        expected = 4 if self.stem_stride == 1 else 3
        if len(self.blocks) != expected:
            raise ValueError(f"a stem of stride {self.stem_stride} needs {expected} blocks to end at 1/{CELL}")
        if self.skip >= len(self.blocks):
            raise ValueError(f"skip is a block from 1 to {expected - 1}, or 0 for none, found {self.skip}")
        return self

    @property
    def skip_stride(self) -> int:
        """Pixels per side of a cell in the block that the detector head skips to."""
        return 1 << (len(self.blocks) - self.skip)

    def encoder(self) -> list[EncoderLayer]:
        """The layers of the encoder, from the image on: conv1a, conv1b and so on."""
        layers: list[EncoderLayer] = []
        inputs, stride = 1, self.stem_stride
        for number, block in enumerate(self.blocks, start=1):
            for position, outputs in enumerate(block, start=1):
                pool = position == len(block) and number < len(self.blocks)
                name = f"conv{number}{ascii_lowercase[position - 1]}"
                layers.append(EncoderLayer(name, inputs, outputs, stride, pool, pool and number == self.skip))
                inputs, stride = outputs, 1
        return layers

    def operations(self, height: int, width: int) -> int:
        """Multiplications and additions of all convolutions for one image."""
        places, total = height * width, 0
        for layer in self.encoder():
            places //= layer.stride**2
            total += 9 * places * layer.inputs * layer.outputs
            total += places * layer.outputs * self.head if layer.skips else 0  # each place is read once
            places //= 4 if layer.pool else 1
        outputs = CELL * CELL + 1 + self.descriptor_dim
        total += places * (2 * 9 * layer.outputs * self.head + self.head * outputs)
        return 2 * total


PAPER = NetworkConfig()
FAST = NetworkConfig(blocks=((16, 32), (32, 64), (64, 64, 64, 64)), stem_stride=2, head=128, descriptor_dim=64, skip=2)
