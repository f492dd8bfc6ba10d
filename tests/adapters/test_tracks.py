"""Tracks of a run, in memory and in its folder, as the back ends that start from them read them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from synthetic import SyntheticSequence, SyntheticWorld, curved_path

from slam_frontend.adapters.colmap_model import export_colmap_model
from slam_frontend.adapters.track_table import CHUNK, COLUMNS, export_track_table, track_table
from slam_frontend.adapters.tracks import FILENAME, TrackLog, Tracks, read_tracks, write_tracks
from slam_frontend.config import RunConfig
from slam_frontend.datasets import open_sequence
from slam_frontend.errors import OutputError
from slam_frontend.evaluation.trajectory import evaluate
from slam_frontend.frontend import Frontend
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project
from slam_frontend.pipeline import run_sequence
from slam_frontend.trajectory import Trajectory, read_tum

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"


@pytest.fixture(scope="module")
def tracks() -> Tracks:
    """Every other frame of the sample's first half."""
    sequence = open_sequence(SAMPLE, limit=25, stride=2)
    frontend = Frontend.from_config(RunConfig(), sequence.camera, sequence.sensor)
    log = TrackLog(frontend)
    result = run_sequence(frontend, sequence, log.update)
    return log.finish(result.final)


def test_a_sight_is_where_its_landmark_projects_to(tracks: Tracks) -> None:
    rows = np.searchsorted(tracks.landmark_ids, tracks.sight_landmarks)
    errors = []
    for frame in range(len(tracks.indices)):
        of_frame = tracks.sight_frames == frame
        points = tracks.landmark_positions[rows[of_frame]]
        pixels = project(se3.transform(se3.inverse(tracks.T_world_cam[frame]), points), tracks.camera)
        errors.append(np.linalg.norm(pixels - tracks.sight_undistorted[of_frame], axis=1))
        assert of_frame.sum() > 50
    assert np.nanmedian(np.concatenate(errors)) < 1


def test_tracks_come_back_from_the_runs_folder_as_they_were(tracks: Tracks, tmp_path: Path) -> None:
    distorted = replace(tracks, camera=replace(tracks.camera, distortion=(0.1, 0.2, 0.0, 0.0, 0.3), baseline=None))
    write_tracks(distorted, tmp_path / FILENAME)
    again = read_tracks(tmp_path)
    assert again.camera == distorted.camera
    for name in set(vars(tracks)) - {"camera"}:
        assert np.array_equal(getattr(again, name), getattr(tracks, name)), name


@pytest.mark.parametrize("num_noted", [3, 4, 5])
def test_an_interrupt_leaves_the_tracks_of_the_frames_that_are_whole(num_noted: int) -> None:
    """It may come when a pose is known and its sights aren't, or the other way round."""
    sequence = open_sequence(SAMPLE, limit=5)
    frontend = Frontend.from_config(RunConfig(), sequence.camera, sequence.sensor)
    log = TrackLog(frontend)
    result = run_sequence(frontend, sequence, lambda frame, found: frame.index < num_noted and log.update(frame, found))
    tracks = log.finish(Trajectory(result.final.timestamps[:4], result.final.T_world_cam[:4]))
    count = min(num_noted, 4)
    assert tracks.indices.tolist() == list(range(count)) and len(tracks.T_world_cam) == count
    assert set(tracks.sight_frames.tolist()) == set(range(count))


def test_landmarks_that_left_the_map_keep_their_last_position(synthetic_frontend) -> None:
    sequence = SyntheticSequence(SyntheticWorld(curved_path(150)))
    frontend = synthetic_frontend(sequence)
    log = TrackLog(frontend)
    tracks = log.finish(run_sequence(frontend, sequence, log.update).final)
    assert len(np.setdiff1d(tracks.landmark_ids, frontend.map.landmarks.ids)) > 0
    assert np.isin(tracks.sight_landmarks, tracks.landmark_ids).all()


def test_a_run_without_tracks_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="only a run that kept its tracks"):
        read_tracks(tmp_path)


def flip(content: bytes) -> bytes:
    return content[:500] + bytes(byte ^ 0x5A for byte in content[500:540]) + content[540:]


@pytest.mark.parametrize("damage", [lambda _: b"broken", lambda _: b"", lambda content: content[:3000], flip])
def test_damaged_tracks_are_one_sentence(tracks: Tracks, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / FILENAME
    write_tracks(tracks, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OutputError, match="can't be read"):
        read_tracks(tmp_path)


def test_ids_last_and_velocities_are_those_of_the_positions(tracks: Tracks) -> None:
    table = dict(zip(COLUMNS, track_table(tracks).T, strict=True))
    assert np.bincount(table["id"].astype(int)).max() > 10
    assert np.allclose(table["u"], table["x"] * tracks.camera.fx + tracks.camera.cx, atol=1e-3)
    checked = 0
    for row in range(0, len(table["id"]), 37):
        before = np.flatnonzero((table["id"] == table["id"][row]) & (table["frame"] == table["frame"][row] - 2))
        expected = (table["x"][row] - table["x"][before]) * 15 if len(before) else [0.0]
        assert table["vx"][row] == pytest.approx(expected[0], abs=1e-3)
        checked += len(before)
    assert checked > 20


@pytest.mark.parametrize("name", ["table.csv", "table.npz"])
def test_the_table_is_read_back_from_either_file(name: str, tracks: Tracks, tmp_path: Path) -> None:
    write_tracks(tracks, tmp_path / FILENAME)
    assert export_track_table(tmp_path, tmp_path / name) == len(tracks.sight_frames)
    expected = track_table(tracks)
    if name.endswith(".csv"):
        assert (tmp_path / name).read_text().startswith("frame,timestamp,id,u,v,x,y,vx,vy\n0,0.000000000,")
        read = np.loadtxt(tmp_path / name, delimiter=",", skiprows=1)
    else:
        with np.load(tmp_path / name) as arrays:
            read = np.column_stack([arrays[column] for column in COLUMNS])
    assert np.allclose(read, expected, atol=1e-4)


def test_the_table_of_another_run_is_not_overwritten(tracks: Tracks, tmp_path: Path) -> None:
    write_tracks(tracks, tmp_path / FILENAME)
    for name in ("table.csv", "table.npz"):
        export_track_table(tmp_path, tmp_path / name)
        export_track_table(tmp_path, tmp_path / name)
        write_tracks(replace(tracks, timestamps=tracks.timestamps + 1), tmp_path / FILENAME)
        before = (tmp_path / name).read_bytes()
        with pytest.raises(OutputError, match="holds something else"):
            export_track_table(tmp_path, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
        write_tracks(tracks, tmp_path / FILENAME)


def test_the_table_in_a_runs_own_folder_is_that_of_its_last_tracks(tracks: Tracks, tmp_path: Path) -> None:
    for shift in (0, 1):
        write_tracks(replace(tracks, timestamps=tracks.timestamps + shift), tmp_path / FILENAME)
        export_track_table(tmp_path)
        rows = np.loadtxt(tmp_path / "tracks.csv", delimiter=",", skiprows=1)
        assert rows[0, 1] == pytest.approx(tracks.timestamps[0] + shift)


def test_a_long_table_says_how_far_it_has_come(tracks: Tracks, tmp_path: Path) -> None:
    times = 1 + 2 * CHUNK // len(tracks.sight_frames)
    columns = ("sight_frames", "sight_landmarks", "sight_pixels", "sight_undistorted")
    long = replace(tracks, **{name: np.concatenate([getattr(tracks, name)] * times) for name in columns})
    write_tracks(long, tmp_path / FILENAME)
    said = []
    count = export_track_table(tmp_path, watch=lambda *now: said.append(now))
    assert len((tmp_path / "tracks.csv").read_text().splitlines()) == 1 + count
    assert said[0] == ("sights", CHUNK, count) and said[-1] == ("sights", count, count)


def test_colmap_opens_our_map_as_a_model(tracks: Tracks, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    report = export_colmap_model(tracks, tmp_path / "model")
    model = pycolmap.Reconstruction(tmp_path / "model" / "sparse" / "0")
    images = sorted(model.images.values(), key=lambda image: image.name)
    assert len(images) == report.images == tracks.is_keyframe.sum() >= 2
    assert model.num_points3D() == report.points > 200
    assert model.compute_mean_reprojection_error() == pytest.approx(report.reprojection_error, abs=1e-6)
    assert report.reprojection_error < 1
    T_world_cam = np.tile(np.eye(4), (len(images), 1, 1))
    T_world_cam[:, :3] = [image.cam_from_world().inverse().matrix() for image in images]
    stamps = np.array([int(image.name[:6]) / 30 for image in images])
    aligned = evaluate(Trajectory(stamps, T_world_cam), read_tum(SAMPLE / "groundtruth.txt"), "se3")
    assert aligned.ate.max < 0.02


def test_colmap_projects_the_points_onto_the_sights(tracks: Tracks, tmp_path: Path) -> None:
    """Half a pixel, a transposed rotation or a swapped pose would show."""
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    export_colmap_model(tracks, tmp_path / "model")
    model = pycolmap.Reconstruction(tmp_path / "model" / "sparse" / "0")
    gaps = []
    for point in model.points3D.values():
        for element in point.track.elements:
            image = model.images[element.image_id]
            gaps.append(image.project_point(point.xyz) - image.points2D[element.point2D_idx].xy)
    assert np.abs(np.median(gaps, axis=0)).max() < 0.1


def test_a_model_is_not_written_over_something_else(tracks: Tracks, tmp_path: Path) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty"):
        export_colmap_model(tracks, tmp_path)


def test_a_model_goes_into_the_folder_that_stands_empty_and_not_over_a_file(tracks: Tracks, tmp_path: Path) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".unfinished").mkdir()  # of who was killed
    export_colmap_model(tracks, tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["sparse"]
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError, match="is a file"):
        export_colmap_model(tracks, tmp_path / "file")


def test_a_run_that_found_nothing_makes_no_model(tracks: Tracks, tmp_path: Path) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    lost = replace(tracks, T_world_cam=np.full_like(tracks.T_world_cam, np.nan))
    with pytest.raises(OutputError, match="0 located keyframes"):
        export_colmap_model(lost, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_images_of_the_keyframes_come_along_in_colour(tracks: Tracks, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    export_colmap_model(tracks, tmp_path / "model", open_sequence(SAMPLE, colour=True))
    model = pycolmap.Reconstruction(tmp_path / "model" / "sparse" / "0")
    names = {image.name for image in model.images.values()}
    assert {path.name for path in (tmp_path / "model" / "images").iterdir()} == names
    written = cv2.imread(str(tmp_path / "model" / "images" / "000000.png"))
    assert np.abs(written.astype(int) - cv2.imread(str(SAMPLE / "rgb" / "0.000000.jpg"))).max() <= 2
    assert np.ptp(written, axis=2).max() > 10


def test_another_recordings_images_are_refused(tracks: Tracks, tmp_path: Path) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    with pytest.raises(OutputError, match="the recording has no frame"):
        export_colmap_model(tracks, tmp_path / "model", open_sequence(SAMPLE, limit=2))
    with pytest.raises(OutputError, match="the recording has no frame 0"):
        export_colmap_model(tracks, tmp_path / "model", [])
    larger = (replace(frame, image=np.kron(frame.image, np.ones((2, 2), np.uint8))) for frame in open_sequence(SAMPLE))
    with pytest.raises(OutputError, match=r"expected images of 320x240 .* found 640x480"):
        export_colmap_model(tracks, tmp_path / "model", larger)
    assert not list(tmp_path.iterdir())
