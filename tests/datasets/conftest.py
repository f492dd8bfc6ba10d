"""Small recordings of every layout, made of rendered frames whose truth is known."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slam_frontend.datasets.calibration import Calibration
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.datasets.writer import write_tum
from slam_frontend.types import Array


@pytest.fixture(scope="session")
def rgbd() -> RenderedSequence:
    return RenderedSequence(RenderConfig(num_frames=6, width=160, height=120))


@pytest.fixture
def tum_folder(tmp_path: Path, rgbd: RenderedSequence) -> Path:
    """Six frames at 0, 1/30, ... seconds."""
    write_tum(rgbd, tmp_path / "walk")
    return tmp_path / "walk"


@pytest.fixture
def write_image() -> Callable[..., Array]:
    """Writes a picture that no other seed gives, making the folders on the way."""

    def write(path: Path, size: tuple[int, int] = (64, 48), seed: int = 0) -> Array:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), np.uint8)
        assert cv2.imwrite(str(path), image)
        return image

    return write


@pytest.fixture
def calibration() -> Calibration:
    """For pictures of 64x48."""
    return Calibration(width=64, height=48, fx=50, fy=51, cx=31.5, cy=23.5, fps=10)
