"""The tracked map as a COLMAP model: cameras, keyframes and points, ready for dense reconstruction."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from slam_frontend.adapters.colmap_camera import CORNER, to_colmap
from slam_frontend.adapters.tracks import Tracks
from slam_frontend.adapters.workbench import UNFINISHED
from slam_frontend.errors import OutputError
from slam_frontend.files import write_atomically
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.optional import require
from slam_frontend.types import Array, Camera, Frame
from slam_frontend.watch import Watch, ignore_progress

MODEL, IMAGES = Path("sparse/0"), "images"  # where Gaussian splatting looks for them
IMAGE = "{:06d}.png"  # by the index of the frame in its recording
MAX_ERROR = 4.0  # pixels; what bundle adjustment dropped later was noted when it was seen
CAMERA_ID = 1


@dataclass(frozen=True)
class ModelReport:
    """What a model consists of."""

    images: int
    points: int
    reprojection_error: float  # mean, pixels


def export_colmap_model(
    tracks: Tracks, out: Path, recording: Iterable[Frame] | None = None, watch: Watch = ignore_progress
) -> ModelReport:
    """Write the located keyframes of the longest segment and the points that two of them see; OutputError where there
    are none, or something else lies in the folder. With the frames of the ``recording`` the images lie there too."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; choose a new folder")
    if out.exists() and any(path.name != UNFINISHED for path in out.iterdir()):
        raise OutputError(f"{out}: is not empty; choose a new folder")
    model, frames = build_model(tracks)
    stood, aside = out.exists(), out / UNFINISHED
    shutil.rmtree(aside, ignore_errors=True)
    try:
        (aside / MODEL).mkdir(parents=True)
        model.write(aside / MODEL)
        if recording is not None:
            _write_images(tracks, frames, recording, aside / IMAGES, watch)
        for made in sorted(aside.iterdir()):  # images first: where a model is, they are
            made.replace(out / made.name)
    except OSError as error:
        raise OutputError(f"{out}: can't be written ({error.strerror}); choose another folder") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not stood and out.exists() and not any(out.iterdir()):
            out.rmdir()
    return ModelReport(len(frames), model.num_points3D(), float(model.compute_mean_reprojection_error()))


def build_model(tracks: Tracks) -> tuple[Any, Array]:
    """A pycolmap.Reconstruction, and the rows of the frames that are its images; OutputError as above."""
    pycolmap = require("pycolmap", extra="colmap")
    frames = _keyframes(tracks)
    rows = _good_sights(tracks, frames)
    if len(frames) < 2 or len(rows) == 0:
        raise OutputError(f"the run has {len(frames)} located keyframes and no points that two of them see: no model")
    return _build(pycolmap, tracks, frames, rows), frames


def _keyframes(tracks: Tracks) -> Array:
    """Rows of the located keyframes of the segment that has most of them."""
    frames = np.flatnonzero(tracks.is_keyframe & np.isfinite(tracks.T_world_cam).all(axis=(1, 2)))
    if len(frames) == 0:
        return frames
    segments = tracks.segments[frames]
    return np.asarray(frames[segments == np.bincount(segments).argmax()])


def _good_sights(tracks: Tracks, frames: Array) -> Array:
    """Rows of the frames' sights that agree with their landmark, where at least two do."""
    rows = np.flatnonzero(np.isin(tracks.sight_frames, frames) & np.isin(tracks.sight_landmarks, tracks.landmark_ids))
    points = tracks.landmark_positions[np.searchsorted(tracks.landmark_ids, tracks.sight_landmarks[rows])]
    points_cam = se3.transform(se3.inverse(tracks.T_world_cam[tracks.sight_frames[rows]]), points)
    errors = np.linalg.norm(project(points_cam, tracks.camera) - tracks.sight_undistorted[rows], axis=1)
    rows = rows[errors < MAX_ERROR]  # NaN, behind the camera, is none
    pairs = np.stack([tracks.sight_landmarks[rows], tracks.sight_frames[rows]])
    rows = rows[np.sort(np.unique(pairs, axis=1, return_index=True)[1])]  # one sight of a landmark in a frame
    ids, counts = np.unique(tracks.sight_landmarks[rows], return_counts=True)
    return np.asarray(rows[np.isin(tracks.sight_landmarks[rows], ids[counts >= 2])])


def _write_images(tracks: Tracks, frames: Array, recording: Iterable[Frame], folder: Path, watch: Watch) -> None:
    """The recording's images of the given frames, in colour where they have any."""
    missing = set(tracks.indices[frames].tolist())
    folder.mkdir()
    for frame in recording:
        if frame.index not in missing:
            continue
        _require_size(frame.image, tracks.camera)
        picture = frame.image if frame.colour is None else frame.colour[:, :, ::-1]
        write_atomically(folder / IMAGE.format(frame.index), cv2.imencode(".png", picture)[1].tobytes())
        missing.remove(frame.index)
        watch("images", len(frames) - len(missing), len(frames))
        if not missing:
            return
    raise OutputError(f"the recording has no frame {min(missing)}, which the run made a keyframe; give its own one")


def _require_size(image: Array, camera: Camera) -> None:
    height, width = image.shape
    if (width, height) != (camera.width, camera.height):
        raise OutputError(
            f"expected images of {camera.width}x{camera.height} as the run's camera gave them, found {width}x{height}; "
            "give the recording that was run"
        )


def _build(pycolmap: Any, tracks: Tracks, frames: Array, rows: Array) -> Any:
    model = pycolmap.Reconstruction()
    seen_by: dict[int, Any] = {}
    camera = to_colmap(pycolmap, tracks.camera)
    camera.camera_id = CAMERA_ID
    model.add_camera_with_trivial_rig(camera)
    for number, frame in enumerate(frames.tolist(), start=1):
        sights = rows[tracks.sight_frames[rows] == frame]
        keypoints = tracks.sight_pixels[sights].astype(np.float64) + CORNER
        name = IMAGE.format(tracks.indices[frame])
        image = pycolmap.Image(name=name, keypoints=keypoints, camera_id=CAMERA_ID, image_id=number)
        T_cam_world = se3.inverse(tracks.T_world_cam[frame])
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(T_cam_world[:3]))
        for row, landmark in enumerate(tracks.sight_landmarks[sights].tolist()):
            seen_by.setdefault(landmark, pycolmap.Track()).add_element(number, row)
    positions = dict(zip(tracks.landmark_ids.tolist(), tracks.landmark_positions, strict=True))
    for landmark, track in seen_by.items():
        model.add_point3D(positions[landmark], track)
    model.update_point_3d_errors()
    return model
