"""From where a scene is looked at."""

from dataclasses import dataclass, replace

import numpy as np

from slam_frontend.types import Array

FIELD_OF_VIEW_DEG = 45.0  # vertical
ELEVATION_DEG = 38.0
AZIMUTHS_DEG = (0.0, 30.0, -30.0, 60.0, -60.0)  # from straight behind
ENOUGH = 1.1  # a view from straighter behind may be that much farther
MARGIN = 1.06


@dataclass(frozen=True)
class Viewpoint:
    """An eye at ``lookat + distance * front``, in the world's units."""

    lookat: Array  # (3,)
    front: Array  # (3,) unit, towards the eye
    up: Array  # (3,) unit
    distance: float

    def moved(self, offset: Array) -> "Viewpoint":
        """The same view from elsewhere."""
        return replace(self, lookat=self.lookat + offset)

    def beside(self, share: float, aspect: float) -> "Viewpoint":
        """The same view where a panel hides that share of the picture on the left: what mattered moves to the right."""
        width = 2 * self.distance * np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2) * aspect
        return self.moved(share / 2 * width * np.cross(self.front, self.up))

    @property
    def eye(self) -> Array:
        """(3,) where it is looked from."""
        return np.asarray(self.lookat + self.distance * self.front)


def behind(forward: Array, up: Array, azimuth_deg: float = 0.0) -> tuple[Array, Array]:
    """The front and the up of an eye behind and above a camera that looks ``forward``, or more to its side."""
    flat = forward - (forward @ up) * up
    if np.linalg.norm(flat) < 1e-3:  # it looks straight down
        flat = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    flat = flat / np.linalg.norm(flat)
    azimuth, elevation = np.deg2rad([azimuth_deg, ELEVATION_DEG])
    flat = np.cos(azimuth) * flat + np.sin(azimuth) * np.cross(up, flat)
    front = np.sin(elevation) * up - np.cos(elevation) * flat
    return front, np.sin(elevation) * flat + np.cos(elevation) * up


def overview(
    points: Array, forward: Array, up: Array, aspect: float, azimuths_deg: tuple[float, ...] = AZIMUTHS_DEG
) -> Viewpoint:
    """The view from behind and above in which all (M,3) points fill a picture of the given aspect best."""
    views = [_fitted(points, *behind(forward, up, azimuth), aspect) for azimuth in azimuths_deg]
    nearest = min(view.distance for view in views)
    return next(view for view in views if view.distance <= ENOUGH * nearest)


def _fitted(points: Array, front: Array, up: Array, aspect: float) -> Viewpoint:
    """The nearest view in a direction that shows all points."""
    across = np.cross(up, front)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    tangent = np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2)
    limits = np.array([tangent * aspect, tangent]) / MARGIN
    distance = 0.0
    for _ in range(5):  # nearer points look larger, so the middle of the picture is found by steps
        offsets = points - middle
        depth = offsets @ front
        flat = np.stack([offsets @ across, offsets @ up], axis=1)
        distance = max(float((depth[:, None] + np.abs(flat) / limits).max()), 1e-6)
        seen = flat / np.maximum(distance - depth, 1e-6)[:, None]
        shift = (seen.min(axis=0) + seen.max(axis=0)) / 2 * distance
        middle = middle + shift[0] * across + shift[1] * up
    return Viewpoint(middle, front, up, distance)
