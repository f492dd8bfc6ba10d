"""What a live window is told of a run at one moment."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.types import Array
from slam_frontend.viz.draw import draw_tracks
from slam_frontend.viz.palette import FINAL, ONLINE, TRUTH
from slam_frontend.viz.space.scene import Cameras, Path3d, Scene, by_age, floor_below, on_paper, thinned

PANEL_WIDTH = 400  # pixels, of the picture and the words beside the scene
APART = 1.0  # between two keyframes that are drawn, in their own size
NOW = 2.0  # times as large as a keyframe is the camera of the moment
ENOUGH_FOR_FLOOR = 50  # landmarks


@dataclass(frozen=True)
class Moment:
    """All of it in the world of the map that is being tracked."""

    segment: int  # which map; another one has another world
    positions: Array  # (N,3) the path so far, each as known at its frame; NaN where lost
    T_world_cam: Array | None  # (4,4) where the camera is
    truth: Array  # (M,3) the true path so far; empty where there is none
    keyframes: Array  # (K,4,4)
    points: Array  # (P,3) landmarks in the order of their birth
    colours: Array  # (P,3) uint8 RGB
    up: Array  # (3,)
    half: tuple[float, float]  # an image's width and height at depth 1, halved
    image: Array  # (H,PANEL_WIDTH) grey or (H,PANEL_WIDTH,3) RGB uint8
    keypoints: Array  # (N,2) pixels of that image
    tracked: Array  # (M,) rows of them
    trails: list[Array]  # (L,2) pixels each, where landmarks came from
    words: tuple[str, ...]  # lines on the frame and the map
    is_last: bool


def picture_of(moment: Moment) -> Array:
    """(H,PANEL_WIDTH,3) uint8 RGB, the frame with its tracks."""
    canvas = cv2.cvtColor(moment.image, cv2.COLOR_GRAY2RGB) if moment.image.ndim == 2 else moment.image.copy()
    draw_tracks(canvas, moment.keypoints, moment.tracked, moment.trails)
    return canvas


def scene_of(moment: Moment, with_ages: bool) -> Scene:
    """The moment in space."""
    known = moment.positions[np.isfinite(moment.positions).all(axis=1)]
    scene = Scene(
        up=moment.up,
        paths=(Path3d(ONLINE, moment.positions), Path3d(TRUTH, moment.truth, is_dashed=True)),
        starts=known[:1],
        points=moment.points,
        colours=by_age(len(moment.points)) if with_ages else on_paper(moment.colours),
    )
    depth = scene.camera_depth()
    cameras = [Cameras(FINAL, thinned(moment.keyframes, APART * depth), depth, moment.half)]
    if moment.T_world_cam is not None:
        cameras.append(Cameras(ONLINE, moment.T_world_cam[None], NOW * depth, moment.half))
    floors = (floor_below(scene.heart(), scene.up),) if len(moment.points) >= ENOUGH_FOR_FLOOR else ()
    return Scene(scene.up, scene.paths, scene.starts, tuple(cameras), scene.points, scene.colours, floors)
