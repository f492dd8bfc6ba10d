"""Focal length and lens distortion from what a run saw: bundle adjustment by pycolmap with a free lens.

Pixels are taken for square, p1, p2 and k3 for 0, and the centre of projection stays where it was: a few seconds of a
recording hardly tell it from a turned camera.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slam_frontend.adapters.colmap_model import CAMERA_ID, build_model
from slam_frontend.adapters.tracks import Tracks
from slam_frontend.errors import OutputError
from slam_frontend.geometry import se3
from slam_frontend.optional import require
from slam_frontend.types import Array, Camera

MIN_TURN_DEG = 8.0  # a camera that only moves along shows no focal length
PLAUSIBLE = 0.3, 4.0  # focal lengths, times the longer side of the image: 118 to 14 degrees


@dataclass(frozen=True)
class Refinement:
    """A camera, and how well it explains how much."""

    camera: Camera
    keyframes: int
    points: int
    error: float  # median over the points, pixels


def refine_camera(tracks: Tracks) -> Refinement:
    """The run's camera with the focal length and the distortion k1 k2 that explain its keyframes best.

    Poses, landmarks and lens are adjusted together (Triggs 1999) from where tracking left them: a lens that is far off
    takes a few rounds of tracking and refinement. OutputError where the run can't tell.
    """
    pycolmap = require("pycolmap", extra="colmap")
    try:
        model, frames = build_model(tracks)
    except OutputError as error:
        raise OutputError(
            "too little of the recording could be tracked to tell a lens; move the camera sideways and turn it where "
            "there is much to see, begin with another lens (--camera), or take another part (--start, --limit)"
        ) from error
    _require_turn(tracks.T_world_cam[frames])
    camera, lens = tracks.camera, model.cameras[CAMERA_ID]
    k1, k2 = (*camera.distortion, 0.0, 0.0)[:2]
    centre = lens.principal_point_x, lens.principal_point_y
    lens.model, lens.params = pycolmap.CameraModelId.RADIAL, np.array([(camera.fx + camera.fy) / 2, *centre, k1, k2])
    _adjust(pycolmap, model)
    model.update_point_3d_errors()
    focal, _, _, k1, k2 = model.cameras[CAMERA_ID].params.tolist()
    _require_plausible(focal, camera)
    errors = [point.error for point in model.points3D.values()]
    refined = replace(camera, fx=focal, fy=focal, distortion=(k1, k2, 0.0, 0.0))
    return Refinement(refined, len(frames), len(errors), float(np.median(errors)))


def lens_change(before: Camera, after: Camera) -> float:
    """How far the image moves at most, as a share of the distance from its centre."""
    return float(np.abs(_stretch(after, before) / _stretch(before, before) - 1).max())


def _stretch(camera: Camera, view: Camera) -> Array:
    """Pixels by slope of rays from the centre of a view out to its corner."""
    slopes = np.linspace(0, 1, 5) * np.hypot(view.width, view.height) / (view.fx + view.fy)
    k1, k2, _, _, k3 = (*camera.distortion, *[0.0] * 5)[:5]
    return np.asarray(camera.fx * (1 + k1 * slopes**2 + k2 * slopes**4 + k3 * slopes**6))


def _adjust(pycolmap: Any, model: Any) -> None:
    pycolmap.logging.minloglevel = pycolmap.logging.ERROR.value  # a step that fails is only tried again
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
    config = pycolmap.BundleAdjustmentConfig()
    for image in model.images:
        config.add_image(image)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    pycolmap.create_default_bundle_adjuster(options, config, model).solve()


def _require_turn(T_world_cam: Array) -> None:
    R = T_world_cam[:, :3, :3]
    turn = max(np.rad2deg(se3.rotation_angle(R[0].T @ other)) for other in R)
    if turn < MIN_TURN_DEG:
        raise OutputError(
            f"the camera turned by {turn:.1f} degrees only, and at least {MIN_TURN_DEG:g} are needed to see its focal "
            "length; take a part of the recording with a turn in it (--start, --limit)"
        )


def _require_plausible(focal: float, camera: Camera) -> None:
    least, most = (factor * max(camera.width, camera.height) for factor in PLAUSIBLE)
    if not least < focal < most:
        raise OutputError(
            f"expected a focal length between {least:.0f} and {most:.0f} pixels, found {focal:.0f}; begin nearer to "
            "the truth (--camera), or take a part of the recording with more turns in it"
        )
