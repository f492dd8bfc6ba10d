"""Features, matches and verified pairs in COLMAP's database."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.adapters.colmap_camera import CORNER, infer_camera, name_camera, to_colmap, warn_of_distortion
from slam_frontend.adapters.photogrammetry import Job, Material, Report
from slam_frontend.adapters.workbench import Workbench
from slam_frontend.datasets.pictures import read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.optional import require
from slam_frontend.types import Array, Camera
from slam_frontend.watch import Watch, ignore_progress

logger = logging.getLogger(__name__)

DATABASE = "database.db"


def export_colmap(
    job: Job, camera: Camera | None, single_camera: bool = False, watch: Watch = ignore_progress
) -> Report | None:
    """Write database.db, ready for COLMAP's mappers; None where it stands already.

    With a ``camera``, images of another size are left out. Without one it is guessed from EXIF or from the image's
    size: one for all images whose EXIF names the same, one for each that has none; for ``single_camera`` one a size.
    """
    pycolmap = require("pycolmap", extra="colmap")
    size = None if camera is None else (camera.width, camera.height)
    if size is not None:
        _require_some_of(size, job)
    if camera is not None:
        warn_of_distortion(camera)
    bench = Workbench(job.out, job.settings("colmap", camera=repr(camera), **{"single camera": single_camera}))
    if bench.is_finished:
        return None
    material = Material(job, bench, watch, size)
    counts = {"keypoints": 0, "pairs": 0, "matches": 0}

    def write(path: Path) -> None:
        with pycolmap.Database.open(path) as database:
            ids = _put_images(pycolmap, database, material, camera, single_camera)
            counts["keypoints"] = database.num_keypoints()
            for done, (name0, name1, matches) in enumerate(material.matches()):
                watch("verification", done, len(job.pairs))
                _put_pair(pycolmap, database, (ids[name0], ids[name1]), matches.indices)
            counts["pairs"], counts["matches"] = database.num_verified_image_pairs(), database.num_inlier_matches()

    bench.publish(DATABASE, write)
    bench.finish()
    return Report(len(job.names) - len(material.skipped), tuple(material.skipped.values()), **counts)


def _require_some_of(size: tuple[int, int], job: Job) -> None:
    """SequenceError, before any work, where images can be read and none has the camera's size."""
    others = []
    for name in job.names:
        try:
            image, _ = read_picture(job.images / name, upright=False)
        except SequenceError:
            continue
        if image.shape[::-1] == size:
            return
        others.append(f"{job.images / name}: is {image.shape[1]}x{image.shape[0]}")
    if others:
        raise SequenceError(
            f"{others[0]}, but the camera file says {size[0]}x{size[1]}, and no image is of that size; "
            "leave --camera out, or give the right one"
        )


def _put_images(
    pycolmap: Any, database: Any, material: Material, camera: Camera | None, single_camera: bool
) -> dict[str, int]:
    cameras: dict[Any, int] = {}
    ids = {}
    for name, features, size in material.features():
        path = material.job.images / name
        owner = size if camera or single_camera else name_camera(pycolmap, path) or name
        if owner not in cameras:
            made = to_colmap(pycolmap, camera) if camera else infer_camera(pycolmap, path, size)
            cameras[owner] = database.write_camera(made)
        ids[name] = _put_image(pycolmap, database, name, cameras[owner])
        database.write_keypoints(ids[name], features.keypoints + np.float32(CORNER))
    alone = len(cameras.keys() & ids.keys())
    if alone > 1:
        logger.warning(
            "%s: the EXIF data of %d images names no camera, so each has its own; "
            "if one camera took them all, such as a video's, say --single-camera",
            material.job.images,
            alone,
        )
    return ids


def _put_image(pycolmap: Any, database: Any, name: str, camera_id: int) -> int:
    """The id of a new image, alone in a frame of a rig of one camera, as COLMAP wants it since version 3.12."""
    rig_id = _rig_of(pycolmap, database, camera_id)
    image_id = database.write_image(pycolmap.Image(name=name, camera_id=camera_id))
    frame = pycolmap.Frame()
    frame.rig_id = rig_id
    frame.add_data_id(database.read_image(image_id).data_id)
    database.write_frame(frame)
    return int(image_id)


def _rig_of(pycolmap: Any, database: Any, camera_id: int) -> int:
    sensor = database.read_camera(camera_id).sensor_id
    rig = database.read_rig_with_sensor(sensor)
    if rig is not None:
        return int(rig.rig_id)
    rig = pycolmap.Rig()
    rig.add_ref_sensor(sensor)
    return int(database.write_rig(rig))


def _put_pair(pycolmap: Any, database: Any, image_ids: tuple[int, int], indices: Array) -> None:
    matches = np.asarray(indices, np.uint32).reshape(-1, 2)
    database.write_matches(*image_ids, matches)
    if len(matches) == 0:
        return
    cameras = [database.read_camera(database.read_image(image_id).camera_id) for image_id in image_ids]
    points = [np.asarray(database.read_keypoints(image_id)[:, :2], np.float64) for image_id in image_ids]
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = 0
    verified = pycolmap.estimate_two_view_geometry(cameras[0], points[0], cameras[1], points[1], matches, options)
    database.write_two_view_geometry(*image_ids, verified)
