"""A lens is found again from what it showed, and who can't show it is told why."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import CAMERA, SyntheticWorld, curved_path, distorted

from slam_frontend.adapters.self_calibration import lens_change, refine_camera
from slam_frontend.adapters.tracks import Tracks
from slam_frontend.errors import OutputError
from slam_frontend.types import Array, Camera

pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
LENS = replace(CAMERA, distortion=(-0.03, 0.01, 0.0, 0.0))


def tracks(believed: Camera, T_world_cam: Array | None = None, noise: float = 0.3) -> Tracks:
    """What a run notes that believes in one camera while LENS took the images."""
    T_world_cam = curved_path(60)[::4] if T_world_cam is None else T_world_cam
    world = SyntheticWorld(T_world_cam, num_landmarks=1500)
    rng = np.random.default_rng(0)
    seen = [world.project(frame)[:2] for frame in range(len(world))]
    ids, exact = (np.concatenate(column) for column in zip(*seen, strict=True))
    pixels = (distorted(exact, LENS) + rng.normal(0, noise, exact.shape)).astype(np.float32)
    return Tracks(
        camera=believed,
        indices=np.arange(len(world)),
        timestamps=world.timestamps,
        is_keyframe=np.ones(len(world), bool),
        segments=np.zeros(len(world), int),
        T_world_cam=T_world_cam,
        sight_frames=np.repeat(np.arange(len(world)), [len(ids) for ids, _ in seen]),
        sight_landmarks=ids,
        sight_pixels=pixels,
        sight_undistorted=pixels,
        landmark_ids=np.arange(world.num_landmarks),
        landmark_positions=world.landmarks,
    )


def test_a_lens_is_found_from_what_it_showed() -> None:
    believed = replace(CAMERA, fx=1.01 * CAMERA.fx, fy=1.01 * CAMERA.fy)
    refined = refine_camera(tracks(believed))
    assert lens_change(LENS, refined.camera) < 0.005 < 0.015 < lens_change(LENS, believed)
    assert refined.camera.fx == refined.camera.fy and refined.camera.cx == CAMERA.cx
    assert refined.keyframes == 15 and refined.points > 700 and refined.error < 0.5


def test_a_right_lens_is_left_as_it_is() -> None:
    refined = refine_camera(replace(tracks(LENS, noise=0.1), sight_undistorted=tracks(CAMERA).sight_pixels))
    assert lens_change(LENS, refined.camera) < 0.002


def test_a_camera_that_does_not_turn_shows_no_focal_length() -> None:
    T_world_cam = curved_path(60)[::4]
    T_world_cam[:, :3, :3] = np.eye(3)
    with pytest.raises(OutputError, match="turned by 0.0 degrees only.* take a part of the recording with a turn"):
        refine_camera(tracks(CAMERA, T_world_cam))


def test_no_keyframes_is_one_sentence() -> None:
    with pytest.raises(OutputError, match="too little of the recording could be tracked"):
        refine_camera(replace(tracks(CAMERA), T_world_cam=np.full((15, 4, 4), np.nan)))


def test_a_change_of_lens_is_the_most_that_the_image_moves() -> None:
    assert lens_change(CAMERA, replace(CAMERA, fx=1.1 * CAMERA.fx)) == pytest.approx(0.1)
    corner = np.hypot(CAMERA.width, CAMERA.height) / 2 / CAMERA.fx
    assert lens_change(CAMERA, LENS) == pytest.approx(0.03 * corner**2 - 0.01 * corner**4)
