"""Writes recordings as folders in the TUM layout, among them the sample that ships with the project."""

from pathlib import Path

import cv2
import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from slam_frontend.datasets.base import Sequence
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array, Camera, Frame

DEPTH_SCALE = 5000  # values a metre
JPEG_SETTINGS = [cv2.IMWRITE_JPEG_QUALITY, 82, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]


def write_sample(folder: Path) -> None:
    """Renders ``sequences/sample`` anew: 100 frames, one loop of 3.5 m."""
    write_tum(RenderedSequence(RenderConfig(image_noise=0.5)), folder)


def write_tum(sequence: Sequence, folder: Path) -> None:
    """Writes colour (or grey) JPEGs, 16-bit depth, their lists, camera.yaml and the truth; files there are replaced."""
    images, depths = ["# timestamp filename"], ["# timestamp filename"]
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for frame in sequence:
        name = f"{frame.timestamp:.6f}"
        images.append(f"{name} rgb/{name}.jpg")
        _write_image(frame, folder / "rgb" / f"{name}.jpg")
        if frame.depth is not None:
            depths.append(f"{name} depth/{name}.png")
            cv2.imwrite(str(folder / "depth" / f"{name}.png"), _encode_depth(frame.depth), PNG_SETTINGS)
    (folder / "rgb.txt").write_text("\n".join(images) + "\n")
    (folder / "depth.txt").write_text("\n".join(depths) + "\n")
    (folder / "camera.yaml").write_text(_describe(sequence.camera))
    if sequence.truth is not None:
        (folder / "groundtruth.txt").write_text(_format_truth(sequence.truth))


def _write_image(frame: Frame, path: Path) -> None:
    image = frame.image if frame.colour is None else cv2.cvtColor(frame.colour, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), image, JPEG_SETTINGS)


def _encode_depth(depth: Array) -> Array:
    values = np.nan_to_num(depth.astype(np.float64) * DEPTH_SCALE, nan=0.0, posinf=0.0)
    return np.where(values < 65535, np.rint(values), 0).astype(np.uint16)


def _describe(camera: Camera) -> str:
    values = {key: getattr(camera, key) for key in ("width", "height", "fx", "fy", "cx", "cy", "baseline")}
    values |= {"distortion": list(camera.distortion), "depth_scale": DEPTH_SCALE}
    return yaml.safe_dump({key: value for key, value in values.items() if value is not None}, sort_keys=False)


def _format_truth(truth: Trajectory) -> str:
    lines = ["# timestamp tx ty tz qx qy qz qw"]
    for timestamp, T_world_cam in zip(truth.timestamps, truth.T_world_cam, strict=True):
        numbers = (*T_world_cam[:3, 3], *Rotation.from_matrix(T_world_cam[:3, :3]).as_quat())
        lines.append(f"{timestamp:.6f} " + " ".join(f"{number:.7f}" for number in numbers))
    return "\n".join(lines) + "\n"
