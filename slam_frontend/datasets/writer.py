"""Writes recordings as folders in the TUM layout, among them the sample that ships with the project."""

from pathlib import Path

import cv2
import numpy as np
import yaml

from slam_frontend.datasets.base import Sequence
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.files import write_atomically
from slam_frontend.trajectory import write_tum as write_truth
from slam_frontend.types import Array, Camera, Frame, Sensor

SAMPLE = RenderConfig(image_noise=0.5)
DEPTH_SCALE = 5000  # values a metre
JPEG_SETTINGS = [cv2.IMWRITE_JPEG_QUALITY, 82, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]


def write_sample(folder: Path) -> None:
    """Renders ``sequences/sample`` anew: 100 frames, one loop of 3.5 m."""
    write_tum(RenderedSequence(SAMPLE), folder)


def write_tum(sequence: Sequence, folder: Path) -> None:
    """Writes colour (or grey) JPEGs, 16-bit depth, their lists, camera.yaml and the truth; files there are replaced."""
    kinds = ("rgb", "depth") if sequence.sensor == Sensor.RGBD else ("rgb",)
    for kind in kinds:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    lists = dict.fromkeys(kinds, "# timestamp filename\n")
    for frame in sequence:
        for kind, name in _write_frame(frame, folder):
            lists[kind] += f"{frame.timestamp:.6f} {name}\n"
    for kind, content in lists.items():
        write_atomically(folder / f"{kind}.txt", content)
    write_atomically(folder / "camera.yaml", _describe(sequence.camera))
    if sequence.truth is not None:
        write_truth(sequence.truth, folder / "groundtruth.txt")


def _write_frame(frame: Frame, folder: Path) -> list[tuple[str, str]]:
    """The kinds and names of the files that the frame has become."""
    names = [("rgb", f"rgb/{frame.timestamp:.6f}.jpg")]
    image = frame.image if frame.colour is None else cv2.cvtColor(frame.colour, cv2.COLOR_RGB2BGR)
    write_atomically(folder / names[0][1], cv2.imencode(".jpg", image, JPEG_SETTINGS)[1].tobytes())
    if frame.depth is not None:
        names.append(("depth", f"depth/{frame.timestamp:.6f}.png"))
        values = _encode_depth(frame.depth)
        write_atomically(folder / names[1][1], cv2.imencode(".png", values, PNG_SETTINGS)[1].tobytes())
    return names


def _encode_depth(depth: Array) -> Array:
    values = np.nan_to_num(depth.astype(np.float64) * DEPTH_SCALE, nan=0.0, posinf=0.0)
    return np.where(values < 65535, np.rint(values), 0).astype(np.uint16)


def _describe(camera: Camera) -> str:
    values = {key: getattr(camera, key) for key in ("width", "height", "fx", "fy", "cx", "cy", "baseline")}
    values |= {"distortion": list(camera.distortion), "depth_scale": DEPTH_SCALE}
    return yaml.safe_dump({key: value for key, value in values.items() if value is not None}, sort_keys=False)
