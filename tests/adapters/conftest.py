"""A few photographs to export."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slam_frontend.adapters.collection import exhaustive_pairs, list_images
from slam_frontend.adapters.photogrammetry import Job
from slam_frontend.config import ExtractorConfig, MatcherConfig

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
def make_job(photos: Path, tmp_path: Path) -> MakeJob:
    """Makes jobs that export all photos, each with each."""

    def make(extractor: str = "orb", out: Path = tmp_path / "out", max_size: int | None = None) -> Job:
        names = list_images(photos)
        config = ExtractorConfig(name=extractor, max_keypoints=300)
        return Job(photos, names, exhaustive_pairs(names), out, config, MatcherConfig(), max_size)

    return make
