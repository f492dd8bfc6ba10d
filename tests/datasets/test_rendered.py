"""Rendered recordings are consistent with the truth they state."""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets import open_sequence, writer
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.datasets.writer import write_tum
from slam_frontend.types import Array, Camera, Frame, Sensor

SAMPLE = Path(__file__).parents[2] / "sequences/sample"
SMALL = {"width": 160, "height": 120}


def differences(frame0: Frame, frame1: Frame, T_1_0: Array, camera: Camera, shift: float = 0.0) -> Array:
    """Grey differences where frame 0, carried into frame 1 by its depth, is seen there too."""
    y, x = np.indices(frame0.image.shape)
    rays = np.linalg.inv(camera.K) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    points = T_1_0[:3, :3] @ (rays * frame0.depth.ravel()) + T_1_0[:3, 3:]
    pixels = (camera.K @ points)[:2] / points[2]
    map_x, map_y = pixels.reshape(2, *x.shape).astype(np.float32)
    image1 = cv2.remap(frame1.image, map_x + np.float32(shift), map_y, cv2.INTER_LINEAR)
    depth1 = cv2.remap(frame1.depth, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    seen = np.abs(depth1 - points[2].reshape(x.shape)) < 0.02
    assert seen.mean() > 0.3
    return np.abs(image1.astype(float) - frame0.image)[seen]


@pytest.mark.parametrize(("row0", "row1"), [(0, 5), (30, 36), (97, 2)])
def test_depth_and_poses_carry_one_frame_into_another(row0: int, row1: int) -> None:
    sequence = RenderedSequence(RenderConfig(image_noise=0))
    poses = sequence.truth.T_world_cam
    T_1_0 = np.linalg.inv(poses[row1]) @ poses[row0]
    frames = sequence[row0], sequence[row1]
    true = differences(*frames, T_1_0, sequence.camera)
    assert np.median(true) <= 2
    for shift in (-0.5, 0.5):  # half a pixel would show
        assert differences(*frames, T_1_0, sequence.camera, shift).mean() > 1.1 * true.mean()


def test_disparity_is_focal_length_times_baseline_over_depth() -> None:
    sequence = RenderedSequence(RenderConfig(sensor=Sensor.STEREO, image_noise=0, baseline=0.1))
    frame, camera = sequence[10], sequence.camera
    y, x = np.indices(frame.image.shape, np.float32)
    disparity = (camera.fx * camera.baseline / sequence.depth(10)).astype(np.float32)

    def mean_difference(shift: float) -> float:
        carried = cv2.remap(frame.right, x - disparity + np.float32(shift), y, cv2.INTER_LINEAR)
        return float(np.abs(carried.astype(float) - frame.image).mean())

    assert mean_difference(0) < min(mean_difference(-0.3), mean_difference(0.3))
    assert mean_difference(0) < 0.3 * mean_difference(8)


def test_every_frame_is_the_same_each_time_and_in_any_order(rgbd: RenderedSequence) -> None:
    again = RenderedSequence(rgbd.config)
    assert (again[4].image == rgbd[4].image).all()
    assert (again[1].depth == [*rgbd][1].depth).all()
    other = RenderedSequence(rgbd.config.model_copy(update={"seed": 7}))
    assert np.abs(other[0].image.astype(int) - rgbd[0].image).mean() > 10


def test_the_path_is_smooth_and_ends_where_it_began() -> None:
    poses = RenderedSequence(RenderConfig(**SMALL)).truth.T_world_cam
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert 3 < steps.sum() < 4
    assert steps.max() < 0.05
    assert np.abs(np.diff(steps)).max() < 0.01
    np.testing.assert_allclose(poses[-1], poses[0], atol=1e-9)
    np.testing.assert_allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), [np.eye(3)] * 100, atol=1e-12)


def test_a_longer_recording_does_not_walk_faster() -> None:
    poses = RenderedSequence(RenderConfig(**SMALL, num_frames=600)).truth.T_world_cam
    assert np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).max() < 0.05


def test_looking_around_turns_once_wholly() -> None:
    poses = RenderedSequence(RenderConfig(**SMALL, num_frames=360, look_around=True)).truth.T_world_cam
    headings = np.unwrap(np.arctan2(poses[:, 1, 2], poses[:, 0, 2]))
    assert abs(headings[-1] - headings[0]) == pytest.approx(2 * np.pi, abs=1e-6)


def test_corners_abound_at_several_depths_wherever_the_camera_looks() -> None:
    sequence = RenderedSequence(RenderConfig(num_frames=360, look_around=True))
    for index in range(0, 360, 60):
        corners = cv2.FastFeatureDetector_create(20).detect(sequence[index].image)
        assert len(corners) > 200
        near, far = np.percentile(sequence.depth(index), [5, 95])
        assert far > 1.3 * near


def test_bare_walls_leave_fewer_corners() -> None:
    detector = cv2.FastFeatureDetector_create(20)
    full, bare = (len(detector.detect(RenderedSequence(RenderConfig(poor_walls=poor))[0].image)) for poor in (0, 1))
    assert 20 < bare < 0.8 * full


def test_a_long_exposure_blurs_a_moving_camera(rgbd: RenderedSequence) -> None:
    sharp, blurred = (
        RenderedSequence(RenderConfig(**SMALL, num_frames=20, exposure=exposure, image_noise=0))[5].image
        for exposure in (0, 1)
    )
    assert cv2.Laplacian(blurred, cv2.CV_64F).var() < 0.5 * cv2.Laplacian(sharp, cv2.CV_64F).var()


def test_lighting_swings_the_brightness() -> None:
    sequence = RenderedSequence(RenderConfig(**SMALL, num_frames=400, lighting=0.5, image_noise=0))
    steady = RenderedSequence(RenderConfig(**SMALL, num_frames=400, image_noise=0))
    ratios = [sequence[index].image.mean() / steady[index].image.mean() for index in (0, 12, 37)]
    np.testing.assert_allclose(ratios, [1.0, 1.48, 0.5], atol=0.12)


def test_depth_noise_grows_with_depth_squared() -> None:
    sequence = RenderedSequence(RenderConfig(depth_noise=0.3))
    exact, noisy = sequence.depth(0), sequence[0].depth
    expected = 0.3 * exact**2 / (sequence.camera.fx * sequence.camera.baseline)
    for low, high in ((1.5, 2.2), (2.5, 3.4)):
        band = (exact > low) & (exact < high)
        assert ((noisy - exact)[band] / expected[band]).std() == pytest.approx(1.0, rel=0.1)


def test_mono_frames_carry_neither_depth_nor_a_right_image() -> None:
    sequence = RenderedSequence(RenderConfig(**SMALL, sensor=Sensor.MONO, num_frames=1))
    (frame,) = sequence
    assert (frame.depth, frame.right, sequence.camera.baseline) == (None, None, None)


def test_a_mono_recording_is_written_without_depth(tmp_path: Path) -> None:
    write_tum(RenderedSequence(RenderConfig(**SMALL, sensor=Sensor.MONO, num_frames=2)), tmp_path / "mono")
    assert open_sequence(tmp_path / "mono").sensor == Sensor.MONO


def test_unknown_depth_is_written_as_zero_and_read_as_nan(tmp_path: Path, rgbd: RenderedSequence) -> None:
    class Holed(RenderedSequence):
        def __getitem__(self, index: int) -> Frame:
            frame = super().__getitem__(index)
            frame.depth[:5] = np.nan
            frame.depth[5:9] = 14.0  # past what 16 bits hold
            return replace(frame, depth=frame.depth)

    write_tum(Holed(RenderConfig(**SMALL, num_frames=1)), tmp_path / "s")
    depth = next(iter(open_sequence(tmp_path / "s"))).depth
    assert np.isnan(depth[:9]).all()
    assert np.isfinite(depth[9:]).all()


def test_a_small_frame_takes_tens_of_milliseconds(rgbd: RenderedSequence) -> None:
    times = []
    for _ in range(5):
        start = time.process_time()
        rgbd.depth(0)
        _ = rgbd[0]
        times.append(time.process_time() - start)
    assert min(times) < 0.15


def test_the_shipped_sample_is_whole_and_small() -> None:
    sequence = open_sequence(SAMPLE)
    frames = list(sequence)
    assert (len(frames), sequence.skipped, sequence.sensor) == (100, [], Sensor.RGBD)
    assert all(frame.depth is not None and np.isfinite(frame.depth).all() for frame in frames)
    assert len(sequence.truth) == 100
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4e6


def test_the_shipped_sample_is_what_the_documented_command_renders() -> None:
    rendered = RenderedSequence(writer.SAMPLE)
    sequence = open_sequence(SAMPLE, stride=33)
    for shipped in sequence:
        made = rendered[shipped.index]
        assert np.abs(shipped.image.astype(int) - made.image).mean() < 3  # JPEG
        np.testing.assert_allclose(shipped.depth, made.depth, atol=1.01e-4)
    np.testing.assert_allclose(sequence.truth.T_world_cam, rendered.truth.T_world_cam, atol=1e-7)
