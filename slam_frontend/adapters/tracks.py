"""Who saw which landmark where, through a whole run: what other back ends start from."""

import io
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from slam_frontend.errors import OutputError
from slam_frontend.files import write_atomically
from slam_frontend.frontend import Frontend
from slam_frontend.geometry.camera import undistort
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Camera, Frame, FrameResult

FILENAME = "tracks.npz"


@dataclass(frozen=True)
class Tracks:
    """Frames, sights and landmarks as three tables; a sight is a keypoint of a frame that sees a landmark."""

    camera: Camera
    indices: Array  # (F,) of the frames in their recording
    timestamps: Array  # (F,) seconds
    is_keyframe: Array  # (F,) bool
    segments: Array  # (F,) which map a pose belongs to
    T_world_cam: Array  # (F,4,4) after mapping, NaN where lost
    sight_frames: Array  # (S,) rows of the frames, rising
    sight_landmarks: Array  # (S,) stable ids
    sight_pixels: Array  # (S,2) float32, as found in the image
    sight_undistorted: Array  # (S,2) float32, as an ideal pinhole camera of the same K would have seen them
    landmark_ids: Array  # (L,) rising
    landmark_positions: Array  # (L,3) in the world


class TrackLog:
    """Notes the sights of a frontend; its ``update`` is an ``on_frame`` of run_sequence."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._frames: list[tuple[int, float, bool, int]] = []
        self._sights: dict[int, tuple[Array, Array]] = {}  # by the index of the frame
        self._positions = np.empty((0, 3))  # by landmark id; the last ones of those that left the map

    def update(self, _frame: Frame, result: FrameResult) -> None:
        """Note what a frame saw, and what those before it saw if it tells; a keyframe also saw the landmarks that it
        made."""
        view, is_keyframe = result.view, result.keyframe is not None
        if is_keyframe:
            self._note_positions()
        for one in (*result.earlier, result):
            self._note_sights(one)
        self._frames.append((view.index, view.timestamp, is_keyframe, result.estimate.segment))  # last, see finish

    def finish(self, final: Trajectory) -> Tracks:
        """All that was noted, with the poses after mapping of the same frames; an interrupt may have left out the
        last one here or there."""
        count = min(len(final), len(self._frames))
        self._note_positions()
        columns = list(zip(*self._frames[:count], strict=True)) or [(), (), (), ()]
        all_sights = [self._sights[index] for index in columns[0]]
        none = np.empty(0, np.int32), np.empty((0, 2), np.float32)
        sights = [np.concatenate(column) for column in zip(none, *all_sights, strict=True)]
        camera = self._frontend.camera  # as it is known in the end
        known = np.flatnonzero(np.isfinite(self._positions[:, 0]))
        return Tracks(
            camera=camera,
            indices=np.array(columns[0], np.int64),
            timestamps=np.array(columns[1], np.float64),
            is_keyframe=np.array(columns[2], bool),
            segments=np.array(columns[3], np.int64),
            T_world_cam=final.T_world_cam[:count],
            sight_frames=np.repeat(np.arange(len(all_sights)), [len(ids) for ids, _ in all_sights]),
            sight_landmarks=sights[0],
            sight_pixels=sights[1],
            sight_undistorted=undistort(sights[1], camera),
            landmark_ids=known,
            landmark_positions=self._positions[known],
        )

    def _note_sights(self, result: FrameResult) -> None:
        view, estimate = result.view, result.estimate
        keypoint_ids, landmark_ids = estimate.keypoint_ids, estimate.landmark_ids
        if result.keyframe is not None:
            keypoint_ids, landmark_ids = self._frontend.map.associations(result.keyframe.id)
        self._sights[view.index] = landmark_ids.astype(np.int32), view.features.keypoints[keypoint_ids]

    def _note_positions(self) -> None:
        table = self._frontend.map.landmarks
        more = np.full((table.next_id - len(self._positions), 3), np.nan)
        self._positions = np.concatenate([self._positions, more])
        self._positions[table.ids] = table.positions


def write_tracks(tracks: Tracks, path: Path) -> None:
    """All tables in one file."""
    camera = asdict(tracks.camera)
    numbers = [camera[name] for name in ("width", "height", "fx", "fy", "cx", "cy")]
    content = io.BytesIO()
    np.savez_compressed(content, **{**vars(tracks), "camera": np.array([*numbers, *tracks.camera.distortion])})
    write_atomically(path, content.getvalue())


def read_tracks(run: Path) -> Tracks:
    """The tables of a run's folder, or OutputError where the run kept none."""
    path = run / FILENAME
    try:
        with np.load(path) as arrays:
            tables = dict(arrays)
        width, height, fx, fy, cx, cy, *distortion = tables.pop("camera").tolist()
        return Tracks(Camera(int(width), int(height), fx, fy, cx, cy, tuple(distortion)), **tables)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: not found; only a run that kept its tracks can be exported") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise OutputError(f"{path}: can't be read ({error}); run the recording again") from error
