"""A scene in a window of Open3D, or rendered without any display."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.errors import OutputError, ViewerError
from slam_frontend.files import write_atomically
from slam_frontend.optional import require
from slam_frontend.types import Array
from slam_frontend.viz.draw import encode_png
from slam_frontend.viz.palette import TRUTH, rgb
from slam_frontend.viz.space.framing import FIELD_OF_VIEW_DEG, Viewpoint
from slam_frontend.viz.space.frusta import outlines, pieces, tubes
from slam_frontend.viz.space.scene import FLOOR, PAPER, Scene
from slam_frontend.viz.windows.display import require_display, runtime_folder

PATH_PIXELS = 4.0  # width of a line
START_PIXELS = 11.0
POINT_PIXELS, MANY_POINTS = (4.5, 3.5, 2.5, 1.5), (3_000, 30_000, 150_000)  # the more points, the smaller
TRUTH_SWELLING = 1.25  # the truth is dashed and goes around the estimate, so that both show where they agree
ZOOM = 0.7  # of Open3D's, where the distance is the viewpoint's; its wheel goes from 0.02 to 2
NEAR, FAR = 0.02, 200.0  # clipping, in distances of the eye
REDRAWN_AT = 0.15  # of the eye's distance: lines keep their width when it has moved so far


class Window:
    """Draws one scene at a time with a panel of text and pictures in its upper left corner."""

    def __init__(
        self,
        title: str,
        width: int,
        height: int,
        visible: bool = True,
        keys: dict[str, Callable[[], None]] | None = None,
    ) -> None:
        """ViewerError where no window can be opened; an invisible one needs no display."""
        if visible:
            require_display()
        self._o3d = require("open3d", extra="viewer")
        self._o3d.utility.set_verbosity_level(self._o3d.utility.VerbosityLevel.Error)
        self._window = self._o3d.visualization.VisualizerWithKeyCallback()
        with runtime_folder():
            if not self._window.create_window(title, width, height, visible=visible):
                raise ViewerError("Open3D can't draw here: OpenGL or EGL is missing (libegl1 on Debian and Ubuntu)")
        self._line_pixels = 1.0
        self._geometries: dict[str, Any] = {}
        self._panel: Array | None = None
        self._panel_place: Array | None = None  # where its corners hang now
        self._scene: Scene | None = None
        self._drawn_from = np.zeros(3)  # where the eye was
        self._set_options()
        for key, action in (keys or {}).items():
            self._window.register_key_callback(ord(key), self._callback(action))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as they are now."""
        intrinsic = self._pinhole().intrinsic
        return intrinsic.width, intrinsic.height

    @property
    def aspect(self) -> float:
        """Width over height."""
        width, height = self.size
        return width / height

    @property
    def viewpoint(self) -> Viewpoint:
        """From where the scene is looked at now, as the user's mouse left it."""
        status = json.loads(self._window.get_view_status())["trajectory"][0]
        extent = max(np.subtract(status["boundingbox_max"], status["boundingbox_min"]))
        distance = status["zoom"] * extent / np.tan(np.deg2rad(status["field_of_view"]) / 2)
        lookat, front, up = (np.array(status[name]) for name in ("lookat", "front", "up"))
        return Viewpoint(lookat, front, up, float(distance))

    def look(self, viewpoint: Viewpoint) -> None:
        """Look at the scene from there."""
        extent = viewpoint.distance * np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2) / ZOOM
        view = {
            "boundingbox_min": (viewpoint.lookat - extent / 2).tolist(),
            "boundingbox_max": (viewpoint.lookat + extent / 2).tolist(),
            "field_of_view": FIELD_OF_VIEW_DEG,
            "front": viewpoint.front.tolist(),
            "lookat": viewpoint.lookat.tolist(),
            "up": viewpoint.up.tolist(),
            "zoom": ZOOM,
        }
        header = {"class_name": "ViewTrajectory", "version_major": 1, "version_minor": 0}
        self._window.set_view_status(json.dumps({**header, "interval": 29, "is_loop": False, "trajectory": [view]}))

    def show(self, scene: Scene) -> None:
        """Draw this scene from now on."""
        self._scene = scene
        size = POINT_PIXELS[int(np.searchsorted(MANY_POINTS, len(scene.points)))]
        self._window.get_render_option().point_size = size * self._line_pixels
        self._replace("points", self._point_cloud(scene.points, scene.colours))
        self._replace("floor", self._lines([(FLOOR, floor.lines) for floor in scene.floors]))
        groups = [(group.colour, outlines(group.T_world_cam, group.depth, group.half)) for group in scene.cameras]
        self._replace("cameras", self._lines(groups))
        self._draw_paths()

    def show_panel(self, image: Array | None) -> None:
        """Put an (H,W,3) uint8 RGB picture into the upper left corner, or take it away."""
        self._panel, self._panel_place = image, None
        if image is None:
            self._replace("panel", None)

    def poll(self) -> bool:
        """Answer mouse and keys and draw what has changed; False once the window is closed."""
        viewpoint = self.viewpoint
        if np.linalg.norm(viewpoint.eye - self._drawn_from) > REDRAWN_AT * viewpoint.distance:
            self._draw_paths()
        self._place_panel()
        view = self._window.get_view_control()
        view.set_constant_z_near(NEAR * viewpoint.distance)
        view.set_constant_z_far(FAR * viewpoint.distance)
        return bool(self._window.poll_events())

    def capture(self) -> Array:
        """(H,W,3) uint8 RGB of all that is in the window."""
        self.poll()
        self._window.update_renderer()
        picture = np.asarray(self._window.capture_screen_float_buffer(do_render=True))
        return np.asarray((picture * 255).round().astype(np.uint8))

    def save(self, folder: Path) -> str:
        """Write what is in the window as ``window-1.png`` or the next free number, and tell so or why not."""
        path = next(path for n in count(1) if not (path := folder / f"window-{n}.png").exists())
        try:
            write_atomically(path, encode_png(self.capture()))
        except OutputError as error:
            return str(error)
        return f"saved {path.name} in {folder.resolve().name}"

    def thicken(self, factor: float) -> None:
        """Draw points and lines so much wider, for pictures that are reduced afterwards."""
        self._line_pixels *= factor
        self._set_options()

    def close(self) -> None:
        """Take the window away."""
        self._window.destroy_window()

    def _set_options(self) -> None:
        options = self._window.get_render_option()
        options.background_color = _shares(PAPER)
        options.light_on = False  # a colour is exactly what the legend says
        options.mesh_show_back_face = True
        options.line_width = 1.5 * self._line_pixels

    def _callback(self, action: Callable[[], None]) -> Callable[[Any], bool]:
        def pressed(_window: Any) -> bool:
            action()
            return False

        return pressed

    def _pinhole(self) -> Any:
        return self._window.get_view_control().convert_to_pinhole_camera_parameters()

    def _replace(self, name: str, geometry: Any | None) -> None:
        """Exchange a part of the picture without moving the eye."""
        if name in self._geometries:
            self._window.remove_geometry(self._geometries.pop(name), reset_bounding_box=False)
        if geometry is not None:
            self._window.add_geometry(geometry, reset_bounding_box=False)
            self._geometries[name] = geometry

    def _draw_paths(self) -> None:
        """Paths as tubes, of the same width in pixels wherever they are."""
        if self._scene is None:
            return
        viewpoint = self.viewpoint
        self._drawn_from = viewpoint.eye
        pixel = 2 * np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2) / self.size[1] * self._line_pixels  # at distance 1
        parts = []
        for path in self._scene.paths:
            width = PATH_PIXELS * pixel * (TRUTH_SWELLING if path.is_dashed else 1)
            cut = pieces(path.positions, width * viewpoint.distance, path.is_dashed)
            radii = width / 2 * np.linalg.norm(cut - viewpoint.eye, axis=2)
            parts.append((path.colour, *tubes(cut, radii)))
        for start in self._scene.starts:
            radius = START_PIXELS / 2 * pixel * max(float(np.linalg.norm(start - viewpoint.eye)), NEAR)
            dot = self._o3d.geometry.TriangleMesh.create_sphere(radius, resolution=12)
            parts.append((TRUTH, np.asarray(dot.vertices) + start, np.asarray(dot.triangles)))
        self._replace("paths", self._mesh(parts))

    def _mesh(self, parts: list[tuple[str, Array, Array]]) -> Any | None:
        parts = [part for part in parts if len(part[1])]
        if not parts:
            return None
        firsts = np.cumsum([0, *(len(vertices) for _, vertices, _ in parts)])
        triangles = [first + part[2] for first, part in zip(firsts, parts, strict=False)]
        colours = [np.tile(_shares(colour), (len(vertices), 1)) for colour, vertices, _ in parts]
        vectors = self._o3d.utility.Vector3dVector, self._o3d.utility.Vector3iVector
        vertices = np.concatenate([part[1] for part in parts])
        mesh = self._o3d.geometry.TriangleMesh(vectors[0](vertices), vectors[1](np.concatenate(triangles)))
        mesh.vertex_colors = vectors[0](np.concatenate(colours))
        return mesh

    def _lines(self, groups: list[tuple[str, Array]]) -> Any | None:
        groups = [group for group in groups if len(group[1])]
        if not groups:
            return None
        points = np.concatenate([lines for _, lines in groups]).reshape(-1, 3)
        colours = np.concatenate([np.tile(_shares(colour), (len(lines), 1)) for colour, lines in groups])
        utility = self._o3d.utility
        pairs = np.arange(len(points)).reshape(-1, 2)
        lines = self._o3d.geometry.LineSet(utility.Vector3dVector(points), utility.Vector2iVector(pairs))
        lines.colors = utility.Vector3dVector(colours)
        return lines

    def _point_cloud(self, points: Array, colours: Array) -> Any | None:
        if not len(points):
            return None
        vector = self._o3d.utility.Vector3dVector
        cloud = self._o3d.geometry.PointCloud(vector(points.astype(np.float64)))
        cloud.colors = vector(colours / 255.0)
        return cloud

    def _place_panel(self) -> None:
        """The panel hangs right before the eye, so it moves with it."""
        if self._panel is None:
            return
        pinhole = self._pinhole()
        K, T_cam_world = pinhole.intrinsic.intrinsic_matrix, pinhole.extrinsic
        shrinking = min(1.0, (pinhole.intrinsic.height - 1) / self._panel.shape[0])
        width, height = shrinking * self._panel.shape[1], shrinking * self._panel.shape[0]
        pixels = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]]) - [0.5, 0.5, 0]
        depth = 1.05 * NEAR * self.viewpoint.distance
        corners = (depth * pixels @ np.linalg.inv(K).T - T_cam_world[:3, 3]) @ T_cam_world[:3, :3]
        if self._panel_place is None or not np.array_equal(corners, self._panel_place):
            self._panel_place = corners
            self._replace("panel", self._textured(corners, self._panel))

    def _textured(self, corners: Array, image: Array) -> Any:
        utility, geometry = self._o3d.utility, self._o3d.geometry
        triangles = utility.Vector3iVector([[0, 1, 2], [0, 2, 3]])
        mesh = geometry.TriangleMesh(utility.Vector3dVector(corners), triangles)
        mesh.triangle_uvs = utility.Vector2dVector([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]])
        mesh.triangle_material_ids = utility.IntVector([0, 0])
        mesh.textures = [geometry.Image(np.ascontiguousarray(image))]
        return mesh


def _shares(colour: str) -> Array:
    """(3,) red, green and blue, 0 to 1."""
    return np.array(rgb(colour)) / 255
