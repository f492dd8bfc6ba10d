"""EuRoC folders: a rendered rig with crooked, distorting cameras, whose truth is known."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from recordings import write_euroc

from slam_frontend.datasets import open_sequence
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.datasets.scene import colours, look
from slam_frontend.errors import SequenceError
from slam_frontend.geometry import se3
from slam_frontend.trajectory import Trajectory, read_euroc, read_trajectory
from slam_frontend.types import Array, Camera, Sensor

SIZE = (160, 120)
INTRINSICS = ((110.0, 111.0, 80.0, 61.0), (112.0, 111.5, 78.0, 58.0))
COEFFICIENTS = {
    "radial-tangential": ((-0.28, 0.07, 0.0002, 0.0001), (-0.27, 0.06, -0.0003, 0.0002)),
    "equidistant": ((-0.01, 0.015, -0.01, 0.003), (-0.012, 0.016, -0.009, 0.002)),
}
T_BODY_CAM0 = se3.exp(np.array([0.05, -0.02, 0.01, 0.02, -0.03, 1.5]))
T_CAM0_CAM1 = se3.exp(np.array([0.11, 0.003, -0.002, 0.01, -0.02, 0.015]))  # nearly beside, a little crooked
FIRST_NS = 1_403_636_579_763_555_584


def see(room: RenderedSequence, camera: Camera, T_world_cam: Array) -> Array:
    """What an ideal camera sees, grey."""
    seen = np.mean(
        [
            colours(room.scene, look(room.scene, camera, T_world_cam, (dx, dy)), -0.5)
            for dx in (-0.25, 0.25)
            for dy in (-0.25, 0.25)
        ],
        axis=0,
    )
    return cv2.cvtColor(seen.astype(np.uint8), cv2.COLOR_RGB2GRAY)


def see_distorted(room: RenderedSequence, eye: int, model: str, T_world_cam: Array) -> Array:
    """What a lens sees: each of its pixels looks where an ideal camera with a wider field has it."""
    fx, fy, cx, cy = INTRINSICS[eye]
    K, coefficients = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), np.array(COEFFICIENTS[model][eye])
    wide = Camera(400, 300, 200, 200, 199.5, 149.5)
    pixels = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=-1).reshape(-1, 1, 2).astype(np.float64)
    undistort = cv2.undistortPoints if model == "radial-tangential" else cv2.fisheye.undistortPoints
    places = undistort(pixels, K, coefficients, P=wide.K).reshape(SIZE[1], SIZE[0], 2).astype(np.float32)
    return cv2.remap(see(room, wide, T_world_cam), places[..., 0], places[..., 1], cv2.INTER_AREA)


def make_euroc(folder: Path, model: str, room: RenderedSequence) -> Path:
    """Three moments; the truth is the body's."""
    poses = room.truth.T_world_cam[[0, 30, 60]]
    stamps = [FIRST_NS + 50_000_000 * row for row in range(3)]
    for eye, T_cam0_eye in enumerate((np.eye(4), T_CAM0_CAM1)):
        cam = folder / f"mav0/cam{eye}"
        (cam / "data").mkdir(parents=True)
        settings = {
            "sensor_type": "camera",
            "T_BS": {"cols": 4, "rows": 4, "data": (T_BODY_CAM0 @ T_cam0_eye).ravel().tolist()},
            "rate_hz": 20,
            "resolution": list(SIZE),
            "intrinsics": list(INTRINSICS[eye]),
            "distortion_model": model,
            "distortion_coefficients": list(COEFFICIENTS[model][eye]),
        }
        (cam / "sensor.yaml").write_text("%YAML:1.0\n" + yaml.safe_dump(settings))
        (cam / "data.csv").write_text("#timestamp [ns],filename\n" + "".join(f"{ns},{ns}.png\r\n" for ns in stamps))
        for ns, T_world_cam0 in zip(stamps, poses, strict=True):
            cv2.imwrite(str(cam / f"data/{ns}.png"), see_distorted(room, eye, model, T_world_cam0 @ T_cam0_eye))
    (folder / "mav0/state_groundtruth_estimate0").mkdir()
    body = Trajectory(np.array(stamps) / 1e9, poses @ se3.inverse(T_BODY_CAM0))
    write_euroc(body, folder / "mav0/state_groundtruth_estimate0/data.csv")
    return folder


@pytest.fixture(scope="module")
def room() -> RenderedSequence:
    return RenderedSequence(RenderConfig(num_frames=90, width=200, height=150))


@pytest.fixture(scope="module", params=["radial-tangential", "equidistant"])
def euroc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, room) -> Path:
    return make_euroc(tmp_path_factory.mktemp(request.param) / "MH_00", request.param, room)


@pytest.fixture
def own_euroc(tmp_path: Path, euroc: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(euroc, tmp_path / "broken"))


def error(seen: Array, expected: Array) -> float:
    return float(np.median(np.abs(seen[8:-8, 8:-8].astype(float) - expected[8:-8, 8:-8])))


def test_rectified_frames_are_what_ideal_cameras_at_the_true_poses_see(euroc: Path, room) -> None:
    sequence = open_sequence(euroc)
    assert sequence.sensor == Sensor.STEREO
    assert sequence.camera.baseline == pytest.approx(np.linalg.norm(T_CAM0_CAM1[:3, 3]), abs=1e-6)
    assert sequence.camera.distortion == ()
    for frame, T_world_cam in zip(sequence, sequence.truth.T_world_cam, strict=True):
        T_world_right = T_world_cam.copy()
        T_world_right[:3, 3] += sequence.camera.baseline * T_world_cam[:3, 0]
        assert error(frame.image, see(room, sequence.camera, T_world_cam)) < 6
        assert error(frame.right, see(room, sequence.camera, T_world_right)) < 6
        assert error(frame.right, see(room, sequence.camera, T_world_cam)) > 12  # the bound would show a mistake


def test_cam0_alone_is_undistorted_to_what_an_ideal_camera_at_the_true_pose_sees(euroc: Path, room) -> None:
    sequence = open_sequence(euroc, sensor="mono")
    camera = sequence.camera
    for frame, T_world_cam in zip(sequence, sequence.truth.T_world_cam, strict=True):
        assert frame.right is None
        ideal = cv2.undistort(frame.image, camera.K, np.array(camera.distortion or (0, 0, 0, 0)))
        assert error(ideal, see(room, camera, T_world_cam)) < 6


def test_timestamps_are_seconds_that_fit_the_truth(euroc: Path) -> None:
    sequence = open_sequence(euroc)
    times = [frame.timestamp for frame in sequence]
    np.testing.assert_allclose(times, sequence.truth.timestamps, atol=1e-6)
    np.testing.assert_allclose(np.diff(times), 0.05, atol=1e-6)


def test_mav0_itself_may_be_given(euroc: Path) -> None:
    assert len(open_sequence(euroc / "mav0")) == 3


def test_without_cam1_it_is_mono_and_without_truth_there_is_none(own_euroc: Path) -> None:
    shutil.rmtree(own_euroc / "mav0/cam1")
    shutil.rmtree(own_euroc / "mav0/state_groundtruth_estimate0")
    sequence = open_sequence(own_euroc)
    assert (sequence.sensor, sequence.truth) == (Sensor.MONO, None)


def test_a_right_image_without_its_left_moment_costs_the_pair_only_and_is_said_once(own_euroc: Path, caplog) -> None:
    lists = own_euroc / "mav0/cam1/data.csv"
    lines = lists.read_text().splitlines()
    lists.write_text("\n".join([lines[0], lines[1], lines[3]]))
    assert [frame.right is not None for frame in open_sequence(own_euroc)] == [True, False, True]
    said = f"{own_euroc}/mav0: right image within 5 ms for 2 of 3 images; the others are used without"
    assert [record.message for record in caplog.records] == [said]


@pytest.mark.parametrize("sensor", ["auto", "stereo"])
def test_a_right_camera_on_another_clock_is_refused_but_mono_does_without(own_euroc: Path, caplog, sensor: str) -> None:
    lists = own_euroc / "mav0/cam1/data.csv"
    header, *lines = lists.read_text().splitlines()
    names = [line.split(",")[1] for line in lines]
    lists.write_text("\n".join([header, *(f"{FIRST_NS + 10_000_000 + row},{name}" for row, name in enumerate(names))]))
    with pytest.raises(SequenceError, match=r"5 ms for 0 of 3 images; .* one clock\? --sensor mono does without$"):
        open_sequence(own_euroc, sensor=sensor)
    assert len(list(open_sequence(own_euroc, sensor="mono"))) == 3
    assert caplog.records == []


def test_five_coefficients_of_the_equidistant_model_are_refused(own_euroc: Path) -> None:
    path = own_euroc / "mav0/cam0/sensor.yaml"
    settings = yaml.safe_load(path.read_text().removeprefix("%YAML:1.0\n"))
    settings |= {"distortion_model": "equidistant", "distortion_coefficients": [-0.01, 0.015, -0.01, 0.003, 0.0]}
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(SequenceError, match=r"cam0/sensor\.yaml: .* has 5 numbers, but equidistant takes 4"):
        open_sequence(own_euroc, sensor="mono")


def test_a_truth_that_is_read_for_itself_is_that_of_cam0_as_the_run_has_it(euroc: Path, caplog) -> None:
    sequence = open_sequence(euroc)
    truth = read_trajectory(euroc / "mav0/state_groundtruth_estimate0/data.csv", is_truth=True)
    np.testing.assert_allclose(truth.T_world_cam[:, :3, 3], sequence.truth.T_world_cam[:, :3, 3], atol=1e-8)
    T_body_world = se3.inverse(read_euroc(euroc / "mav0/state_groundtruth_estimate0/data.csv").T_world_cam)
    np.testing.assert_allclose(T_body_world @ truth.T_world_cam, np.tile(T_BODY_CAM0, (3, 1, 1)), atol=1e-8)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("data", "message"),
    [([1.0] * 15, "no T_BS can be read; expected its data, 16 numbers"), ([0.0] * 16, "T_BS is no rotation")],
)
def test_a_truth_is_refused_where_the_recordings_t_bs_is_broken(own_euroc: Path, data: list[float], message) -> None:
    path = own_euroc / "mav0/cam0/sensor.yaml"
    path.write_text(yaml.safe_dump({"T_BS": {"data": data}}))
    with pytest.raises(SequenceError, match=rf"cam0/sensor\.yaml: {message}"):
        read_trajectory(own_euroc / "mav0/state_groundtruth_estimate0/data.csv", is_truth=True)


@pytest.mark.parametrize("cam", ["cam0", "cam1"])
def test_a_list_out_of_order_pairs_the_same_images(euroc: Path, own_euroc: Path, caplog, cam: str) -> None:
    path = own_euroc / f"mav0/{cam}/data.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines[1:], lines[0]]))
    for frame, expected in zip(open_sequence(own_euroc), open_sequence(euroc), strict=True):
        assert frame.timestamp == expected.timestamp
        np.testing.assert_array_equal(frame.image, expected.image)
        np.testing.assert_array_equal(frame.right, expected.right)
    assert [record.message for record in caplog.records] == [f"{path}: timestamps out of order; sorted"]


@pytest.mark.parametrize(
    ("T_body_cam1", "message"),
    [
        (T_BODY_CAM0, r"mav0: .*cam1 stands 0\.000 m to the right of cam0.*swapped or the same"),
        (T_BODY_CAM0 @ se3.inverse(T_CAM0_CAM1), r"cam1 stands -0\.110 m to the right"),
        (np.zeros((4, 4)), r"cam1/sensor\.yaml: T_BS is no rotation"),
        (np.diag([2.0, 1, 1, 1]), r"cam1/sensor\.yaml: T_BS is no rotation"),
    ],
)
def test_a_right_camera_that_is_not_on_the_right_is_refused(own_euroc: Path, T_body_cam1: Array, message: str) -> None:
    path = own_euroc / "mav0/cam1/sensor.yaml"
    settings = yaml.safe_load(path.read_text().removeprefix("%YAML:1.0\n"))
    settings["T_BS"]["data"] = T_body_cam1.ravel().tolist()
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(SequenceError, match=message):
        open_sequence(own_euroc)
    assert len(list(open_sequence(own_euroc, sensor="mono"))) == 3


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("cam0/sensor.yaml", "", None, r"sensor\.yaml: can't be read"),
        ("cam0/sensor.yaml", "intrinsics", "intrinsic", r"sensor\.yaml: intrinsics"),
        (
            "cam0/sensor.yaml",
            "intrinsics:",
            "intrinsics: [0.7, 0.9, 0.5, 0.5]\nothers:",
            "fx: expected pixels, and the width",
        ),
        (
            "cam0/sensor.yaml",
            "intrinsics:",
            "intrinsics: [.nan, 150, 80, 60]\nothers:",
            r"yaml: intrinsics\.0: .* finite number",
        ),
        ("cam0/sensor.yaml", "distortion_model: ", "distortion_model: x", "is unknown; known: radial-tangential"),
        (
            "cam0/sensor.yaml",
            "- 160",
            "- 320",
            r"images are 160x120, but the calibration is for 320x120; put the right .* into .*cam0/sensor\.yaml$",
        ),
        ("cam0/sensor.yaml", "T_BS", "T_SB", r"sensor\.yaml: no T_BS can be read; expected its data, 16 numbers"),
        ("cam1/sensor.yaml", "rate_hz: 20", "rate_hz: [", "not valid YAML"),
        ("cam0/sensor.yaml", "sensor_type", "\xfc", "is not text in UTF-8"),
        ("state_groundtruth_estimate0/data.csv", ",", ";", "remove or rename this file to go without"),
        ("cam0/data.csv", "", None, r"data\.csv: can't be read"),
        ("cam0/data.csv", ",", ";", "expected lines of 'nanoseconds,filename'"),
    ],
)
def test_broken_files_are_said_in_one_sentence(own_euroc: Path, file, old, new, message) -> None:
    path = own_euroc / "mav0" / file
    content = path.read_text()
    path.unlink()
    if new is not None:
        path.write_text(content.replace(old, new), encoding="latin-1")
    with pytest.raises(SequenceError, match=message):
        open_sequence(own_euroc)


def test_a_given_camera_is_refused(euroc: Path, calibration) -> None:
    with pytest.raises(SequenceError, match="rectified with its own"):
        open_sequence(euroc, camera=calibration)
