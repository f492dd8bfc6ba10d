"""What happens to a recording happens to users: missing depth, bad images, cuts, places never seen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from recordings import Recording, track

from slam_frontend.datasets import open_sequence
from slam_frontend.types import Array, Sensor

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
