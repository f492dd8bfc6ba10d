"""Landmarks keep the colours in which they were first seen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from synthetic import SyntheticSequence, SyntheticWorld

from slam_frontend.frontend import Frontend
from slam_frontend.types import Frame
from slam_frontend.viz.space.landmark_colours import UNSEEN, LandmarkColours


def painted(frame: Frame) -> Frame:
    """Red rises to the right, green downwards, and blue tells the frame."""
    height, width = frame.image.shape
    colour = np.full((height, width, 3), frame.index * 4, np.uint8)
    colour[..., 0], colour[..., 1] = np.arange(width) * 255 // width, np.arange(height)[:, None]
    return replace(frame, colour=colour)


def test_a_landmark_has_the_colour_of_the_pixel_that_first_saw_it(
    world: SyntheticWorld, synthetic_frontend: Callable[[SyntheticSequence], Frontend]
) -> None:
    frontend = synthetic_frontend(SyntheticSequence(world))
    colours = LandmarkColours(frontend)
    for frame in SyntheticSequence(world):
        colours.update(painted(frame), frontend.process(frame))
    cloud = colours.cloud()
    assert len(cloud) == len(frontend.map.point_cloud()) > 100
    assert cloud.colours is not None and cloud.segments is not None
    assert not cloud.segments.any()
    frames = cloud.colours[:, 2] // 4  # the frame that each says it was seen in
    assert (frames[0], len(np.unique(frames)) > 2) == (0, True)
    assert (np.diff(frames.astype(int)) >= 0).all(), "the landmarks stand in the order of their birth"
    first, camera = frames == 0, world.camera
    x, y, z = (cloud.positions[first] - world.T_world_cam[0, :3, 3]).T  # the first camera looks along the axes
    red, green = cloud.colours[first, :2].T.astype(float)
    assert np.median(np.abs((camera.fx * x / z + camera.cx) * 255 / camera.width - red)) < 1.5
    assert np.median(np.abs(camera.fy * y / z + camera.cy - green)) < 1.5


def test_a_grey_recording_has_grey_landmarks(
    world: SyntheticWorld, synthetic_frontend: Callable[[SyntheticSequence], Frontend]
) -> None:
    frontend = synthetic_frontend(SyntheticSequence(world))
    colours = LandmarkColours(frontend)
    for index in range(9):
        dark = np.where(world.frame(index).image == 128, 60, world.frame(index).image).astype(np.uint8)
        colours.update(replace(world.frame(index), image=dark), frontend.process(world.frame(index)))
    assert set(map(tuple, np.unique(colours.cloud().colours, axis=0).tolist())) == {(60, 60, 60)}


def test_a_map_that_no_keyframe_was_noted_of_is_grey_too(
    world: SyntheticWorld, synthetic_frontend: Callable[[SyntheticSequence], Frontend]
) -> None:
    frontend = synthetic_frontend(SyntheticSequence(world))
    colours = LandmarkColours(frontend)
    assert len(colours.cloud()) == 0
    frontend.process(world.frame(0))
    cloud = colours.cloud()
    assert len(cloud) > 0 and cloud.colours is not None
    assert (cloud.colours == UNSEEN).all()
