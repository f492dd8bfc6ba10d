"""Which way is up in a world that nobody described."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.types import Array

AXES = "xyz"
RIGHT_HANDED = {(0, 1, 2), (1, 2, 0), (2, 0, 1)}


@dataclass(frozen=True)
class Projection:
    """Two axes of the world on a sheet: one to the right, one upwards, or against it where reversed."""

    right: int
    up: int
    is_up_reversed: bool = False


@dataclass(frozen=True)
class Directions:
    """How to look at a path."""

    above: Projection
    side: Projection


def find_directions(T_world_cam: Array) -> Directions:
    """From above and from the side, for poses (N,4,4) of cameras that are held more or less upright: the world's axis
    that images point down along on average is the vertical one. For a car's camera that is y, for a tabletop z."""
    located = T_world_cam[np.isfinite(T_world_cam).all(axis=(1, 2))]
    down = located[:, :3, 1].mean(axis=0) if len(located) else np.array([0.0, 1.0, 0.0])
    vertical = int(np.abs(down).argmax())
    is_reversed = bool(down[vertical] > 0)  # the axis points down, as y does in a camera
    first, second = (axis for axis in range(3) if axis != vertical)
    is_mirrored = ((first, second, vertical) in RIGHT_HANDED) == is_reversed
    extents = np.ptp(located[:, :3, 3], axis=0) if len(located) else np.zeros(3)
    widest = first if extents[first] >= extents[second] else second
    return Directions(Projection(first, second, is_mirrored), Projection(widest, vertical, is_reversed))
