"""What happens to a recording happens to users: missing depth, bad images, cuts, places never seen."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from invariants import assert_consistent
from recordings import Recording, track
from scipy.spatial.transform import Rotation
from synthetic import FakeExtractor, SyntheticWorld, curved_path, frontend_in

from slam_frontend.config import RunConfig
from slam_frontend.datasets import open_sequence
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.frontend import Frontend
from slam_frontend.types import Array, Features, Sensor, TrackingState

SAMPLE = Path(__file__).parents[1] / "sequences" / "sample"
SENSORS = [(Sensor.RGBD, "se3"), (Sensor.MONO, "sim3")]
ATE = {Sensor.RGBD: 0.01, Sensor.MONO: 0.03}  # metres on the sample, whose room is 5 m long


@pytest.fixture(scope="module")
def sample() -> Recording:
    """The bundled clip: a walk through a room and back to the start."""
    sequence = open_sequence(SAMPLE)
    assert sequence.truth is not None
    return Recording(list(sequence), sequence.truth.T_world_cam, sequence.camera)


def bad_image(kind: str, image: Array) -> Array:
    if kind == "blurred":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 12))
    return np.full_like(image, 255 if kind == "white" else 0)


@pytest.mark.parametrize("kind", ["black", "white", "blurred"])
@pytest.mark.parametrize(("sensor", "align"), SENSORS)
def test_bad_images_are_lost_and_then_the_camera_is_found(sample, sensor, align, kind) -> None:
    bad = [8, 9, 10]
    image = bad_image(kind, sample.frames[8].image)
    found = track(sample.pick(range(15)).change(bad, image=image), sensor)
    assert found.states[8:] == "LLL...."
    assert np.isnan(found.poses[bad]).all()
    assert found.judge(align).ate.rmse < ATE[sensor]


@pytest.mark.parametrize("kind", ["black", "white", "blurred"])
@pytest.mark.parametrize("sensor", [Sensor.RGBD, Sensor.MONO])
def test_bad_images_at_the_start_are_waited_through(sample, sensor, kind) -> None:
    found = track(
        sample.pick(range(12)).change(range(4), image=bad_image(kind, sample.frames[0].image), depth=None), sensor
    )
    assert found.states[:4] == "iiii"
    assert found.states[8:] == "...."
    assert set(found.segments) == {0}


def test_depth_that_is_missing_for_a_few_frames_loses_nothing(sample) -> None:
    found = track(sample.pick(range(15)).change([5, 6, 7], depth=None), Sensor.RGBD)
    assert found.states == "." * 15
    assert found.judge().ate.rmse < ATE[Sensor.RGBD]


@pytest.mark.parametrize("num_missing", [1, 4])
def test_a_depth_camera_waits_for_depth_and_never_guesses_a_scale(sample, num_missing) -> None:
    found = track(sample.pick(range(12)).change(range(num_missing), depth=None), Sensor.RGBD)
    assert found.states == "i" * num_missing + "." * (12 - num_missing)
    assert found.judge("sim3").scale == pytest.approx(1, abs=0.02)
    assert found.judge().ate.rmse < ATE[Sensor.RGBD]


@pytest.mark.parametrize(("sensor", "align"), SENSORS)
def test_a_jump_to_a_place_seen_before_is_found_there(sample, sensor, align) -> None:
    """From the clip's twentieth frame back to its start, where the motion model expects nothing of the kind."""
    found = track(sample.pick([*range(18), *range(2, 8)]), sensor)
    assert found.states[18:] == "......"
    assert set(found.segments) == {0}
    assert found.judge(align).ate.rmse < ATE[sensor]
    again, before = found.poses[18:], found.poses[2:8]
    if sensor is Sensor.RGBD:
        np.testing.assert_allclose(again[:, :3, 3], before[:, :3, 3], atol=0.02)


@pytest.mark.parametrize(("sensor", "align"), SENSORS)
def test_a_place_never_seen_before_starts_a_new_segment_after_some_patience(sample, sensor, align) -> None:
    before = sample.pick(range(12))
    found = track(before.then(before.mirrored), sensor, tracker={"patience": 4})
    assert found.states[11:16] == ".LLLL"
    assert np.isnan(found.poses[12:16]).all()
    assert found.states[-6:] == "......"
    assert found.segments == [0] * 16 + [1] * 8
    assert found.judge(align, segment=0).ate.rmse < ATE[sensor]
    assert found.judge(align, segment=1).ate.rmse < ATE[sensor]


@pytest.mark.parametrize(("num_odd", "patience", "waited"), [(1, 30, 3), (2, 30, 6), (3, 30, 9), (3, 4, 4)])
def test_a_map_is_not_waited_for_much_longer_than_it_was_tracked(sample, num_odd, patience, waited) -> None:
    """As where a camera gives out what it has kept of another recording, or was blurred when it began."""
    image = sample.frames[0].image[:, ::-1].copy()
    clip = sample.pick(range(18)).change(range(num_odd), image=image)
    found = track(clip, Sensor.RGBD, tracker={"patience": patience})
    new = num_odd + waited
    assert found.states == "." * num_odd + "L" * waited + "." * (18 - new)
    assert found.segments == [0] * new + [1] * (18 - new)
    assert found.judge(segment=1).ate.rmse < ATE[Sensor.RGBD]


def test_a_new_segment_keeps_the_points_of_the_old_one(sample) -> None:
    before = sample.pick(range(8))
    frontend = Frontend.from_config(RunConfig(tracker={"patience": 3}), sample.camera, Sensor.MONO)
    clouds = []
    for frame in before.then(before.mirrored).frames:
        frontend.process(frame)
        frontend.finish()  # so that nothing of the old segment is still to be adjusted
        clouds.append(frontend.map.point_cloud())
    assert frontend.map.segment == 1
    np.testing.assert_array_equal(clouds[-1][: len(clouds[7])], clouds[7])
    assert len(clouds[-1]) > len(clouds[7]) + 100 > 200


def test_dark_frames_do_not_count_as_a_place_never_seen(sample) -> None:
    black = np.zeros_like(sample.frames[0].image)
    found = track(sample.pick(range(22)).change(range(6, 18), image=black), Sensor.RGBD, tracker={"patience": 4})
    assert found.states[6:18] == "L" * 12
    assert set(found.segments) == {0}


@pytest.mark.parametrize(("sensor", "align"), SENSORS)
def test_changing_light_loses_nothing(sample, sensor, align) -> None:
    clip = sample.pick(range(18))
    for i, frame in enumerate(clip.frames):
        lit = cv2.convertScaleAbs(frame.image, alpha=1 - 0.4 * np.sin(i / 3), beta=10 * np.cos(i / 4))
        clip = clip.change([i], image=lit)
    found = track(clip, sensor)
    assert found.states[2:] == "." * 16
    assert found.judge(align).ate.rmse < ATE[sensor]


def test_walls_without_texture_are_walked_past_by_what_stands_before_them() -> None:
    sequence = RenderedSequence(RenderConfig(num_frames=60, poor_walls=True))
    assert sequence.truth is not None
    clip = Recording([sequence[i] for i in range(12)], sequence.truth.T_world_cam[:12], sequence.camera)
    found = track(clip, Sensor.RGBD)
    assert found.states == "." * 12
    assert found.judge().ate.rmse < 0.02


def test_a_camera_that_sees_nothing_at_all_never_starts_and_never_fails(sample) -> None:
    image, depth = np.zeros_like(sample.frames[0].image), np.full((240, 320), np.nan, np.float32)
    for sensor in (Sensor.RGBD, Sensor.MONO, Sensor.STEREO):
        blind = sample.pick(range(5)).change(range(5), image=image, right=image, depth=depth)
        found = track(blind, sensor)
        assert found.states == "iiiii"
        assert found.frontend.map.point_cloud().shape == (0, 3)
        assert all(result.reference is None for result in found.results)


def test_a_camera_that_stands_still_stays_where_it_is(sample) -> None:
    found = track(sample.pick([0] * 8), Sensor.RGBD)
    assert found.states == "." * 8
    np.testing.assert_allclose(found.poses, np.tile(np.eye(4), (8, 1, 1)), atol=2e-3)
    mono = track(sample.pick([0] * 8), Sensor.MONO)
    assert mono.states == "iiiiiiii"


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_a_turn_on_the_spot_makes_no_monocular_map_and_the_walk_after_it_does(noise: float) -> None:
    t = np.arange(40)
    path = np.tile(np.eye(4), (40, 1, 1))
    path[:, :3, :3] = Rotation.from_rotvec(
        np.stack([0.01 * np.sin(t / 5), 0.012 * t.clip(max=22), 0 * t], 1)
    ).as_matrix()
    path[22:, 0, 3] = 0.05 * (t[22:] - 22)
    world = SyntheticWorld(path, num_landmarks=900, noise=noise)
    world.landmarks[:, 0] *= 1.6
    frontend = frontend_in(world, Sensor.MONO)
    states = [frontend.process(world.frame(index, rgbd=False)).estimate.state for index in range(40)]
    assert set(states[:22]) == {TrackingState.INITIALIZING}
    assert states[-1] is TrackingState.TRACKING


class Junk(FakeExtractor):
    """Now and then finds nothing, little, or the wrong things in the wrong places."""

    def __init__(self, world: SyntheticWorld) -> None:
        super().__init__(world)
        self.rng = np.random.default_rng(world.seed)

    def extract(self, image: Array) -> Features:
        found = super().extract(image)
        anywhere = self.rng.uniform(0, 239, found.keypoints.shape).astype(np.float32)
        choices = [
            found.select(np.arange(0)),
            found.select(np.arange(min(len(found), 5))),
            replace(found, keypoints=anywhere),
            replace(found, keypoints=np.full_like(anywhere, 5)),
            replace(found, descriptors=self.rng.permutation(found.descriptors)),
            *[found] * 3,
        ]
        return choices[self.rng.integers(len(choices))]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sensor", [Sensor.RGBD, Sensor.MONO])
@pytest.mark.parametrize("seed", range(3))
def test_junk_never_breaks_the_map_nor_anything_else(sensor: Sensor, seed: int) -> None:
    world = SyntheticWorld(curved_path(30), seed=seed)
    frontend = Frontend.from_config(RunConfig(tracker={"patience": 3}), world.camera, sensor)
    frontend.extractor = Junk(world)
    for index in range(len(world)):
        result = frontend.process(world.frame(index, rgbd=sensor is Sensor.RGBD))
        assert_consistent(frontend.map)
        pose = result.estimate.T_world_cam
        assert (pose is not None) == (result.estimate.state is TrackingState.TRACKING)
        assert pose is None or np.isfinite(pose).all()
        assert (result.reference is None) == (pose is None)
