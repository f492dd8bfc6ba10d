"""A few photographs to export."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slam_frontend.adapters.collection import exhaustive_pairs, list_images
from slam_frontend.adapters.photogrammetry import Job
from slam_frontend.config import ExtractorConfig, MatcherConfig
from slam_frontend.datasets.pictures import read_picture

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"

MakeJob = Callable[..., Job]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images of the sample, one of them in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name, copy in {"0.000000": "view2.jpg", "0.200000": "view10.jpg", "0.400000": "more/view1.jpg"}.items():
        shutil.copy(SAMPLE / "rgb" / f"{name}.jpg", folder / copy)
    return folder


@pytest.fixture
def held_upright(photos: Path) -> Path:
    """One of the photos, 320x240 pixels of which EXIF says that the camera was turned."""
    photo = photos / "view2.jpg"
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"  # the orientation: 6, a quarter turn
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + bytes(4)
    jpeg = photo.read_bytes()
    photo.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    assert read_picture(photo)[0].shape == (320, 240)
    return photo


@pytest.fixture
def make_job(photos: Path, tmp_path: Path) -> MakeJob:
    """Makes jobs that export all photos, each with each."""

    def make(extractor: str = "orb", out: Path = tmp_path / "out", max_size: int | None = None) -> Job:
        names = list_images(photos)
        config = ExtractorConfig(name=extractor, max_keypoints=300)
        return Job(photos, names, exhaustive_pairs(names), out, config, MatcherConfig(), max_size)

    return make
