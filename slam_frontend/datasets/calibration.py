"""The camera YAML that lies beside a recording or is given for it."""

import math
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field, ValidationInfo, field_validator

from slam_frontend.config import Section, parse_config
from slam_frontend.errors import ConfigError, SequenceError
from slam_frontend.files import as_yaml
from slam_frontend.types import Camera

FILENAME = "camera.yaml"
REMEDY = f"put the right one into {FILENAME} or give --camera FILE"
MIN_FOCAL = 0.05  # of the image's side: 169 degrees, more than a lens without a fisheye's model sees
T = TypeVar("T", bound=Section)


class Calibration(Section):
    """Intrinsics in pixels with the centre of the first pixel at (0, 0), and how the files are to be read."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    fx: float = Field(gt=0)
    fy: float = Field(gt=0)
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()  # k1 k2 p1 p2 [k3], as OpenCV calibrates
    baseline: float | None = Field(default=None, gt=0)  # metres
    fps: float | None = Field(default=None, gt=0)
    depth_scale: float = Field(default=5000.0, gt=0)  # stored values a metre

    @field_validator("fx", "fy")
    @classmethod
    def _in_pixels(cls, focal: float, info: ValidationInfo) -> float:
        side = "width" if info.field_name == "fx" else "height"
        length = info.data.get(side, 0)  # missing where that is wrong itself
        if focal < MIN_FOCAL * length:
            raise ValueError(
                f"expected pixels, and the {side} is {length}; normalised intrinsics are to be multiplied by the size"
            )
        return focal

    @field_validator("cx", "cy")
    @classmethod
    def _inside(cls, centre: float, info: ValidationInfo) -> float:
        side = "width" if info.field_name == "cx" else "height"
        length = info.data.get(side, math.inf)  # missing where that is wrong itself
        if not 0 <= centre <= length:
            raise ValueError(f"the principal point lies outside the image, whose {side} is {length}")
        return centre

    @field_validator("distortion")
    @classmethod
    def _whole(cls, distortion: tuple[float, ...]) -> tuple[float, ...]:
        if len(distortion) not in (0, 4, 5):
            raise ValueError("expected k1 k2 p1 p2 or k1 k2 p1 p2 k3")
        return distortion

    @property
    def camera(self) -> Camera:
        """The camera that is described."""
        sizes = self.width, self.height
        return Camera(*sizes, self.fx, self.fy, self.cx, self.cy, self.distortion, self.baseline)


def load_calibration(path: Path) -> Calibration:
    """The content of a camera YAML, or SequenceError naming file and key."""
    if not path.is_file():
        raise SequenceError(f"{path}: no such camera file; it states width, height, fx, fy, cx and cy")
    return load_camera_file(Calibration, path)


def load_camera_file(model: type[T], path: Path) -> T:
    """The content of a YAML file about a camera, with OpenCV's header or without; SequenceError names file and key."""
    settings = _read_yaml(path)
    keys = [str(key) for key in settings] if isinstance(settings, dict) else []
    required = [name for name, info in model.model_fields.items() if info.is_required()]
    missing = [name for name in required if name not in keys]
    if missing:
        raise SequenceError(
            f"{path}: {', '.join(missing)} not found; expected the keys {', '.join(required)}, "
            f"found {', '.join(keys) or 'none'}"
        )
    return parse_camera_settings(model, settings, path)


def parse_camera_settings(model: type[T], settings: object, path: Path) -> T:
    """Settings of a camera that were read from a file, or SequenceError naming it and the key."""
    try:
        return parse_config(model, settings, source=str(path))
    except ConfigError as error:
        raise SequenceError(str(error)) from error


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(as_yaml(path.read_text("utf-8-sig")))
    except OSError as error:
        raise SequenceError(f"{path}: can't be read ({error.strerror}); it holds the camera's calibration") from error
    except UnicodeDecodeError as error:
        raise SequenceError(f"{path}: is not text in UTF-8; it holds the camera's calibration") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "a character that may not be in it"
        raise SequenceError(
            f"{path}{place}: is not valid YAML ({problem}); it holds the camera's calibration"
        ) from error


def find_calibration(folder: Path, given: Calibration | None) -> Calibration | None:
    """The calibration that was given, else that of ``camera.yaml`` in the folder, else None."""
    if given is not None or not (folder / FILENAME).is_file():
        return given
    return load_calibration(folder / FILENAME)


def require_calibration(folder: Path, given: Calibration | None) -> Calibration:
    """The calibration that was given or lies in the folder, or SequenceError saying what to write."""
    found = find_calibration(folder, given)
    if found is None:
        raise SequenceError(
            f"{folder / FILENAME}: not found, and the recording doesn't say its calibration; "
            "write one with width, height, fx, fy, cx and cy, or give --camera FILE; "
            "`slam-frontend calibrate` finds one where the camera moves and turns"
        )
    return found


def require_size(camera: Camera, size: tuple[int, int], path: Path, remedy: str = REMEDY) -> None:
    """Raise SequenceError, which ends with the ``remedy``, unless images of ``size`` (width, height) fit."""
    if size != (camera.width, camera.height):
        raise SequenceError(
            f"{path}: the images are {size[0]}x{size[1]}, but the calibration is for {camera.width}x{camera.height}; "
            f"{remedy}"
        )
