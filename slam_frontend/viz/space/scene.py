"""What there is to see of a run in space, as plain arrays; whoever draws it needs to know nothing of tracking."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from scipy.spatial import cKDTree

from slam_frontend.types import Array
from slam_frontend.viz.directions import find_directions

FLOOR = "#BFC4C9"
PAPER = "#FFFFFF"
LIGHTEST = 0.82  # of a landmark, so that it shows on white
NEAR_PERCENTILE = 80  # landmarks farther from the path than this share of them don't decide what is shown
ENOUGH_POINTS = 5000  # to tell how large a scene is
OUTLIERS_PERCENT = 2  # of the landmarks, that lie below the floor
FLOOR_TILES = 10  # along its longer side, roughly


@dataclass(frozen=True)
class Path3d:
    """A line through the world."""

    colour: str  # "#RRGGBB"
    positions: Array  # (N,3), NaN where lost
    is_dashed: bool = False


@dataclass(frozen=True)
class Cameras:
    """Outlines of cameras."""

    colour: str
    T_world_cam: Array  # (K,4,4)
    depth: float  # of the outline
    half: tuple[float, float] = (0.5, 0.375)  # width and height of the image at depth 1, halved


@dataclass(frozen=True)
class Floor:
    """A grid below everything, which says how large it is."""

    lines: Array  # (G,2,3)
    step: float


@dataclass(frozen=True)
class Scene:
    """All that is drawn at once."""

    up: Array  # (3,) unit
    paths: tuple[Path3d, ...] = ()
    starts: Array = field(default_factory=lambda: np.empty((0, 3)))  # (S,3) where paths begin
    cameras: tuple[Cameras, ...] = ()
    points: Array = field(default_factory=lambda: np.empty((0, 3)))  # (P,3) landmarks
    colours: Array = field(default_factory=lambda: np.empty((0, 3), np.uint8))  # (P,3) RGB
    floors: tuple[Floor, ...] = ()

    def moved(self, offset: Array) -> "Scene":
        """The same scene elsewhere."""
        T = np.eye(4)
        T[:3, 3] = offset
        return replace(
            self,
            paths=tuple(replace(path, positions=path.positions + offset) for path in self.paths),
            starts=self.starts + offset,
            cameras=tuple(replace(group, T_world_cam=T @ group.T_world_cam) for group in self.cameras),
            points=self.points + offset,
            floors=tuple(replace(floor, lines=floor.lines + offset) for floor in self.floors),
        )

    def visited(self) -> Array:
        """(N,3) every place where a camera was."""
        places = [path.positions for path in self.paths] or [np.empty((0, 3))]
        together = np.concatenate(places)
        return np.asarray(together[np.isfinite(together).all(axis=1)])

    def camera_depth(self) -> float:
        """How deep outlines of cameras are drawn, so that they neither vanish nor hide everything."""
        sizes = [np.linalg.norm(np.ptp(points, axis=0)) for points in (self.heart(), self.visited()) if len(points)]
        return float(min(0.02 * sizes[0], max(0.1 * sizes[-1], 0.005 * sizes[0]))) if sizes else 1.0

    def heart(self) -> Array:
        """(M,3) what has to be in the picture: the paths, and the landmarks that are not far from them."""
        visited = self.visited()
        points = self.points[:: len(self.points) // ENOUGH_POINTS + 1]
        if not len(visited) or not len(points):
            return np.concatenate([visited, points])
        distances, _ = cKDTree(visited[:: len(visited) // ENOUGH_POINTS + 1]).query(points)
        return np.concatenate([visited, points[distances <= np.percentile(distances, NEAR_PERCENTILE)]])


def join(scenes: list[Scene]) -> Scene:
    """Several scenes as one."""
    return Scene(
        up=scenes[0].up,
        paths=tuple(path for scene in scenes for path in scene.paths),
        starts=np.concatenate([scene.starts for scene in scenes]),
        cameras=tuple(group for scene in scenes for group in scene.cameras),
        points=np.concatenate([scene.points for scene in scenes]),
        colours=np.concatenate([scene.colours for scene in scenes]),
        floors=tuple(floor for scene in scenes for floor in scene.floors),
    )


def upward(T_world_cam: Array) -> Array:
    """(3,) unit: which way is up in the world of (K,4,4) cameras that are held more or less upright."""
    side = find_directions(T_world_cam).side
    up = np.zeros(3)
    up[side.up] = -1.0 if side.is_up_reversed else 1.0
    return up


def thinned(T_world_cam: Array, apart: float) -> Array:
    """Those of (K,4,4) cameras, the first ones, that are all so far from each other."""
    positions, kept = T_world_cam[:, :3, 3], np.zeros(len(T_world_cam), bool)
    for row in range(len(positions)):  # each depends on those before
        kept[row] = bool((np.linalg.norm(positions[kept] - positions[row], axis=1) >= apart).all())
    return np.asarray(T_world_cam[kept])


def floor_below(points: Array, up: Array) -> Floor:
    """A grid under (M,3) points, its lines at multiples of a round number from the world's origin."""
    across, along = horizontal_axes(up)
    flat = points @ np.stack([across, along]).T  # (M,2)
    low, high = np.percentile(flat, [OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT], axis=0)
    step = round_number(float((high - low).max()) / FLOOR_TILES)
    first, last = np.floor(low / step).astype(int), np.ceil(high / step).astype(int)
    ticks = [np.arange(first[axis], last[axis] + 1) * step for axis in range(2)]
    ends = np.stack([first, last]) * step
    lines = [[x * across + y * along for y in ends[:, 1]] for x in ticks[0]]
    lines += [[x * across + y * along for x in ends[:, 0]] for y in ticks[1]]
    height = float(np.percentile(points @ up, OUTLIERS_PERCENT))
    return Floor(height * up + np.array(lines), step)


def horizontal_axes(up: Array) -> tuple[Array, Array]:
    """Two (3,) unit vectors that span the floor."""
    helper = np.eye(3)[np.abs(up).argmin()]
    across = np.cross(up, helper)
    across /= np.linalg.norm(across)
    return across, np.cross(up, across)


def round_number(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten, from above."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9)))


def on_paper(colours: Array) -> Array:
    """(P,3) uint8 darkened as much as white needs to be seen on white."""
    return np.asarray(np.round(colours * LIGHTEST).astype(np.uint8))


def by_age(count: int) -> Array:
    """(P,3) uint8 from dark blue for the first landmark to ochre for the last, told apart with any kind of sight."""
    shades = np.linspace(0, 210, max(count, 1)).astype(np.uint8)[:count]
    mapped = cv2.applyColorMap(shades.reshape(-1, 1), cv2.COLORMAP_CIVIDIS) if count else np.empty((0, 1, 3), np.uint8)
    return np.asarray(mapped.reshape(-1, 3)[:, ::-1])
