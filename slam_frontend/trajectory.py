"""A path through the world: poses over time, with the moments where the camera was lost."""

from dataclasses import dataclass

import numpy as np

from slam_frontend.types import Array


@dataclass(frozen=True)
class Trajectory:
    """Camera-to-world poses in the order of their timestamps; a lost pose is NaN, never the last one."""

    timestamps: Array  # (N,) float64 seconds
    T_world_cam: Array  # (N,4,4) float64, NaN where lost

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def located(self) -> Array:
        """(N,) bool: where there is a pose."""
        located: Array = np.isfinite(self.T_world_cam).all(axis=(1, 2))
        return located
