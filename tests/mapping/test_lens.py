"""The distortion that is left in one camera's images: it is found where it shows, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
from invariants import assert_consistent
from synthetic import CAMERA, FakeExtractor, SyntheticSequence, SyntheticWorld, distorted, path_along

from slam_frontend.adapters.tracks import TrackLog
from slam_frontend.config import MapperConfig, RunConfig
from slam_frontend.frontend import Frontend
from slam_frontend.geometry import se3
from slam_frontend.geometry.camera import project, undistort
from slam_frontend.mapping import lens
from slam_frontend.pipeline import RunResult, run_sequence
from slam_frontend.summary import summarise
from slam_frontend.threads import shared_cores
from slam_frontend.types import Array, Camera, Features, Sensor


def wide_path(count: int) -> Array:
    """(N,4,4) T_world_cam of a camera that walks a loop before the landmarks and turns towards them."""
    t = np.linspace(0, 2 * np.pi, count)
    centres = np.stack([2.5 * np.sin(t), 0.6 * np.sin(2 * t), 0.8 * (1 - np.cos(t))], axis=1)
    return path_along(centres, np.stack([0.1 * np.sin(2 * t), -0.35 * np.sin(t), 0.05 * np.sin(t)], axis=1))


WORLD = SyntheticWorld(wide_path(150), num_landmarks=900, noise=0.3)


class ThroughALens:
    """Finds the landmarks of a world where a lens shows them."""

    name, norm = FakeExtractor.name, FakeExtractor.norm

    def __init__(self, k1: float) -> None:
        self.lens = replace(CAMERA, distortion=(k1, 0.0, 0.0, 0.0))
        self._extractor = FakeExtractor(WORLD)

    def extract(self, image: Array) -> Features:
        features = self._extractor.extract(image)
        return replace(features, keypoints=distorted(features.keypoints, self.lens).astype(np.float32))


def frontend_with(k1: float, camera: Camera = CAMERA, sensor: Sensor = Sensor.MONO, refine: bool = True) -> Frontend:
    settings = RunConfig(mapper=MapperConfig(refine_distortion=refine))
    frontend = Frontend.from_config(settings, camera, sensor)
    frontend.extractor = ThroughALens(k1)
    return frontend


def run(frontend: Frontend, sensor: Sensor = Sensor.MONO) -> RunResult:
    return run_sequence(frontend, SyntheticSequence(WORLD, sensor))


def errors(result: RunResult) -> tuple[float, float]:
    """ATE in metres, of the poses as known at their frames and after mapping."""
    summary = summarise(result, Sensor.MONO, WORLD.truth)
    assert summary.online is not None and summary.final is not None
    return summary.online.ate.rmse, summary.final.ate.rmse


@pytest.mark.parametrize("k1", [-0.06, 0.06])
def test_a_lens_that_nobody_told_of_is_found_and_no_longer_bends_the_path(k1: float) -> None:
    frontend, without = frontend_with(k1), frontend_with(k1, refine=False)
    result, bent = run(frontend), run(without)
    assert without.camera == CAMERA and bent.distortion == ()
    assert result.distortion[0] == pytest.approx(k1, abs=0.008)
    assert frontend.camera == replace(CAMERA, distortion=result.distortion)
    assert result.is_lost.sum() == 0
    online, final = errors(result)
    bent_online, bent_final = errors(bent)
    assert online < bent_online and final < 0.7 * bent_final


def test_what_has_no_lens_is_left_alone() -> None:
    frontend = frontend_with(0.0)
    assert run(frontend).distortion == ()
    assert frontend.camera == CAMERA


def test_a_lens_that_was_taken_by_mistake_shrinks_again() -> None:
    frontend = frontend_with(0.0)
    frontend.map.distortion = (0.03, 0.0, 0.0, 0.0)
    assert run(frontend).distortion[0] == pytest.approx(0, abs=0.008)


@pytest.mark.parametrize(
    ("camera", "sensor"),
    [
        (CAMERA, Sensor.RGBD),
        (replace(CAMERA, distortion=(0.06, 0.0, 0.0, 0.0)), Sensor.MONO),
    ],
)
def test_depth_and_a_camera_that_states_its_distortion_are_believed(camera: Camera, sensor: Sensor) -> None:
    frontend = frontend_with(0.06, camera, sensor)
    assert run(frontend, sensor).distortion == ()
    assert frontend.camera == camera


def test_the_map_sees_its_keyframes_through_the_lens_that_was_found() -> None:
    frontend = frontend_with(0.06)
    run(frontend)
    assert_consistent(frontend.map)
    for keyframe in frontend.map.keyframes.values():
        keypoints = undistort(keyframe.view.features.keypoints, frontend.camera)
        np.testing.assert_array_equal(keyframe.view.keypoints, keypoints)


def test_it_is_the_same_to_the_bit_however_far_views_run_ahead() -> None:
    ahead, by_hand = frontend_with(0.06), frontend_with(0.06)
    run(ahead)
    with shared_cores():  # as a run is computed
        for frame in SyntheticSequence(WORLD, Sensor.MONO):
            by_hand.process(frame)
        by_hand.finish()
    assert ahead.map.distortion == by_hand.map.distortion != ()
    assert ahead.map.landmarks.positions.tobytes() == by_hand.map.landmarks.positions.tobytes()


def test_tracks_lie_where_the_camera_as_it_is_known_in_the_end_sees_their_landmarks() -> None:
    frontend = frontend_with(0.06)
    log = TrackLog(frontend)
    tracks = log.finish(run_sequence(frontend, SyntheticSequence(WORLD, Sensor.MONO), log.update).final)
    assert tracks.camera == frontend.camera != CAMERA
    points = tracks.landmark_positions[np.searchsorted(tracks.landmark_ids, tracks.sight_landmarks)]
    seen = project(se3.transform(se3.inverse(tracks.T_world_cam[tracks.sight_frames]), points), tracks.camera)
    assert np.nanmedian(np.linalg.norm(seen - tracks.sight_undistorted, axis=1)) < 1
    np.testing.assert_array_equal(tracks.sight_undistorted, undistort(tracks.sight_pixels, tracks.camera))


@pytest.fixture
def noted(monkeypatch) -> list[lens.LensSolution | None]:
    """What the attempts of a run find."""
    found: list[lens.LensSolution | None] = []
    solve = lens.LensSearch.solve

    def note(*arguments) -> lens.LensSolution | None:
        found.append(solve(*arguments))
        return found[-1]

    monkeypatch.setattr(lens.LensSearch, "solve", note)
    return found


def test_a_lens_is_only_taken_where_it_is_told_more_surely_than_before(noted) -> None:
    frontend = frontend_with(0.06)
    search = frontend.mapper.adjustment.lens
    assert search is not None
    limit = search.sigma
    run(frontend)
    sigmas = [limit, *(solution.sigma for solution in noted if solution is not None)]
    assert len(sigmas) > 2 and None in noted
    assert sigmas == sorted(sigmas, reverse=True)


def test_a_keyframe_that_comes_while_the_lens_is_found_is_seen_through_it() -> None:
    frontend, others = frontend_with(0.06), []
    for frame in list(SyntheticSequence(WORLD, Sensor.MONO))[::3]:
        before = frontend.map.distortion
        keyframe = frontend.process(frame).keyframe
        if keyframe is not None:
            view = keyframe.view
            others.append(frontend.map.distortion != before)
            np.testing.assert_array_equal(view.keypoints, undistort(view.features.keypoints, frontend.camera))
    assert any(others)


def test_it_is_also_looked_for_where_every_frame_becomes_a_keyframe(noted) -> None:
    frontend = frontend_with(0.06)
    frontend.mapper.policy.config = MapperConfig(max_keyframe_gap=1, min_shift=1)
    run(frontend)
    assert len(frontend.map.poses) > 100
    assert noted
