"""COLMAP itself opens our database and finds where the cameras were."""

import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.adapters.collection import exhaustive_pairs
from slam_frontend.adapters.colmap import export_colmap
from slam_frontend.adapters.colmap_camera import to_colmap
from slam_frontend.adapters.photogrammetry import Job
from slam_frontend.config import ExtractorConfig, MatcherConfig
from slam_frontend.datasets.calibration import load_calibration
from slam_frontend.datasets.pictures import read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.trajectory import evaluate
from slam_frontend.features import create_extractor
from slam_frontend.trajectory import Trajectory, read_tum
from slam_frontend.types import Camera

pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
NAMES = tuple(f"{seconds:.6f}.jpg" for seconds in np.arange(8) * 0.2)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Eight frames of the sample, each matched with each."""
    out = tmp_path_factory.mktemp("exports") / "colmap"
    config = ExtractorConfig(name="sift", max_keypoints=700)
    job = Job(SAMPLE / "rgb", NAMES, exhaustive_pairs(NAMES), out, config, MatcherConfig())
    export_colmap(job, load_calibration(SAMPLE / "camera.yaml").camera)
    return job


def test_colmap_reconstructs_the_rendered_sample(job: Job, tmp_path: Path) -> None:
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads, options.random_seed, options.extract_colors = 1, 0, False
    options.ba_refine_focal_length = options.ba_refine_extra_params = False
    (model,) = pycolmap.incremental_mapping(job.out / "database.db", job.images, tmp_path, options).values()
    images = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
    assert [image.name for image in images] == list(NAMES)
    T_world_cam = np.tile(np.eye(4), (len(images), 1, 1))
    T_world_cam[:, :3] = [image.cam_from_world().inverse().matrix() for image in images]
    estimate = Trajectory(np.array([float(image.name[:-4]) for image in images]), T_world_cam)
    metrics = evaluate(estimate, read_tum(SAMPLE / "groundtruth.txt"), "sim3")
    assert metrics.associated == 8
    assert metrics.ate.max < 0.01 * metrics.path_length
    assert model.compute_mean_reprojection_error() < 0.6


def test_the_database_holds_what_we_found(job: Job) -> None:
    found = create_extractor(job.extractor).extract(read_picture(SAMPLE / "rgb" / NAMES[0])[0])
    with pycolmap.Database.open(job.out / "database.db") as database:
        assert database.num_images() == len(NAMES)
        image = database.read_image_with_name(NAMES[0])
        keypoints = database.read_keypoints(image.image_id)
        other = database.read_image_with_name(NAMES[1])
        matches = database.read_matches(image.image_id, other.image_id)
        geometry = database.read_two_view_geometry(image.image_id, other.image_id)
    assert np.allclose(keypoints[:, :2], found.keypoints + 0.5)
    assert 100 < len(geometry.inlier_matches) <= len(matches)
    assert {tuple(match) for match in geometry.inlier_matches} <= {tuple(match) for match in matches}


@pytest.mark.parametrize("distortion", [(), (0.1, -0.05, 0.002, -0.001), (0.1, -0.05, 0.002, -0.001, 0.03)])
def test_colmap_projects_where_opencv_does(distortion: tuple[float, ...]) -> None:
    """COLMAP's pixels count from the corner of the first one."""
    camera = Camera(640, 480, 500.0, 510.0, 322.0, 238.0, distortion)
    points = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 4], (20, 3))
    ours, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.K, np.array(distortion or [0.0] * 4))
    theirs = to_colmap(pycolmap, camera).img_from_cam(points)
    assert np.allclose(theirs, ours[:, 0] + 0.5, atol=1e-6)


def test_without_a_calibration_each_image_has_its_own_camera(make_job, caplog) -> None:
    job = make_job()
    report = export_colmap(job, None)
    assert report is not None and report.images == 3 and report.matches > 50
    with pycolmap.Database.open(job.out / "database.db") as database:
        assert database.num_cameras() == 3
        assert {(camera.width, camera.height) for camera in database.read_all_cameras()} == {(320, 240)}
    assert "the EXIF data of 3 images names no camera" in caplog.text


def test_images_of_one_camera_by_exif_share_it_as_in_colmap(make_job, photos: Path, tmp_path: Path, caplog) -> None:
    for name in ("view2.jpg", "view10.jpg"):
        say_camera(photos / name)
    export_colmap(make_job(), None)
    pycolmap.Database.open(tmp_path / "theirs.db").close()
    pycolmap.import_images(tmp_path / "theirs.db", photos)
    lenses = []
    for path in (tmp_path / "out" / "database.db", tmp_path / "theirs.db"):
        with pycolmap.Database.open(path) as database:
            owners = {image.name: image.camera_id for image in database.read_all_images()}
            lenses.append(database.read_camera(owners["view2.jpg"]).params.tolist())
        assert owners["view2.jpg"] == owners["view10.jpg"] != owners["more/view1.jpg"]
    assert lenses[0] == lenses[1]
    assert not caplog.records


def test_a_single_camera_takes_all_images_of_a_size(make_job, photos: Path, caplog) -> None:
    cv2.imwrite(str(photos / "small.png"), np.zeros((60, 80), np.uint8))
    export_colmap(make_job(), None, single_camera=True)
    with pycolmap.Database.open(photos.parent / "out" / "database.db") as database:
        owners = {image.name: image.camera_id for image in database.read_all_images()}
        assert database.num_cameras() == len(set(owners.values())) == 2
        assert database.read_camera(owners["small.png"]).width == 80
        assert database.read_camera(owners["view2.jpg"]).width == 320
    assert "EXIF" not in caplog.text


def say_camera(photo: Path) -> None:
    """Give a JPEG without EXIF data a maker, a model and a focal length of 28 mm."""
    header = struct.pack("<2sHI", b"II", 42, 8)
    entries = (0x010F, 2, 4, b"make"), (0x0110, 2, 4, b"name"), (0x8769, 4, 1, struct.pack("<I", 50))
    listed = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    lens = struct.pack("<HHHIHHI", 1, 0xA405, 3, 1, 28, 0, 0)
    exif = b"Exif\0\0" + header + struct.pack("<H", len(entries)) + listed + bytes(4) + lens
    jpeg = photo.read_bytes()
    photo.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])


def test_a_turned_photograph_keeps_the_size_that_colmap_reads(make_job, held_upright: Path) -> None:
    job = make_job()
    export_colmap(job, None)
    with pycolmap.Database.open(job.out / "database.db") as database:
        image = database.read_image_with_name(held_upright.name)
        camera, keypoints = database.read_camera(image.camera_id), database.read_keypoints(image.image_id)
    assert (camera.width, camera.height) == (320, 240)
    assert keypoints[:, 0].max() > 240 and keypoints[:, 1].max() < 240


def test_a_calibration_of_another_size_is_refused_and_leaves_no_database(make_job) -> None:
    job = make_job()
    with pytest.raises(SequenceError, match="is 320x240, but the camera file says 640x480"):
        export_colmap(job, Camera(640, 480, 500.0, 500.0, 319.5, 239.5))
    assert not (job.out / "database.db").exists()


@pytest.mark.parametrize("name", ["view3.png", "a_first_one.png"])
def test_an_image_of_another_size_than_the_cameras_is_left_out(make_job, photos: Path, name: str) -> None:
    cv2.imwrite(str(photos / name), np.zeros((60, 80), np.uint8))
    report = export_colmap(make_job(), Camera(320, 240, 260.0, 260.0, 159.5, 119.5))
    assert report is not None and report.images == 3
    (said,) = report.skipped
    assert said.endswith(f"{name}: is 80x60, expected the camera's 320x240")


def test_a_distortion_that_the_mappers_would_drop_images_for_is_told(make_job, caplog) -> None:
    straight, fr1 = (0.2, -0.9, 0.01, 0.0, 1.0), (0.262383, -0.953104, -0.005358, 0.002628, 1.163314)
    lenses = [Camera(320, 240, 260.0, 260.0, 159.5, 119.5, distortion) for distortion in ((), straight, fr1)]
    limit = pycolmap.IncrementalPipelineOptions().max_extra_param
    for number, lens in enumerate(lenses):
        job = make_job()
        export_colmap(replace(job, out=job.out / str(number)), lens)
        bogus = to_colmap(pycolmap, lens).has_bogus_params(0.1, 10.0, limit)
        assert ("--Mapper.max_extra_param 2" in caplog.text) == bogus == (lens.distortion == fr1)


def test_an_image_that_colmap_cannot_read_has_the_camera_of_its_size(make_job, photos: Path) -> None:
    image = cv2.imread(str(photos / "view2.jpg"))
    (photos / "view2.jpg").write_bytes(cv2.imencode(".webp", image)[1].tobytes())
    job = make_job()
    assert export_colmap(job, None).images == 3
    with pycolmap.Database.open(job.out / "database.db") as database:
        cameras = {image.name: database.read_camera(image.camera_id) for image in database.read_all_images()}
    webp, jpeg = cameras["view2.jpg"], cameras["view10.jpg"]
    assert (webp.model, webp.width, webp.params.tolist()) == (jpeg.model, jpeg.width, jpeg.params.tolist())
