"""Another package's extractor, known to us by nothing but its entry point, tracks a recording."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "sequences" / "sample"
SETUP = """
from setuptools import setup

setup(
    name="toy-features",
    version="1.0",
    py_modules=["toy_features"],
    entry_points={"slam_frontend.extractors": ["theirs = toy_features:Theirs", "broken = toy_features:Missing"]},
)
"""
MODULE = """
import cv2
import numpy as np

from slam_frontend.types import Features


class Theirs:
    name, norm = "theirs", "l2"

    def __init__(self, config):
        self.count = config.max_keypoints
        self.radius = config.options.get("radius", 5)

    def extract(self, image):
        found = cv2.goodFeaturesToTrack(image, self.count, 0.005, 4)
        keypoints = np.zeros((0, 2), np.float32) if found is None else found.reshape(-1, 2)
        smooth = cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32)
        side = 2 * self.radius + 1
        patches = [cv2.getRectSubPix(smooth, (side, side), tuple(point)).ravel() for point in keypoints.tolist()]
        rows = np.array(patches, np.float32).reshape(len(keypoints), side * side)
        rows -= rows.mean(1, keepdims=True)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        ones = np.ones(len(keypoints), np.float32)
        return Features(keypoints, np.linspace(1, 0.5, len(keypoints), dtype=np.float32), rows, "l2", ones)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the toy package into."""
    source, target = tmp_path_factory.mktemp("toy"), tmp_path_factory.mktemp("site")
    (source / "setup.py").write_text(SETUP)
    (source / "toy_features.py").write_text(MODULE)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        pytest.skip("installing the toy package needs pip in this environment")
    assert done.returncode == 0, done.stderr
    return target


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from slam_frontend.cli.main import main; main()"
    paths = [str(installed), str(SAMPLE.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", program, "run", str(SAMPLE), "--limit", "10", "--json", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_extractor_of_another_package_tracks_the_sample(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--features", "theirs", "--set", "extractor.options={radius: 6}")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    assert metrics["located"] == 10
    assert metrics["final"]["ate"]["rmse"] < 0.02
    config = (tmp_path / "runs" / "sample-theirs" / "config.yaml").read_text()
    assert "name: theirs" in config and "radius: 6" in config


def test_a_plugin_that_cannot_be_loaded_is_named_in_one_sentence(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--features", "broken")
    assert done.returncode == 2
    assert done.stderr.startswith("slam-frontend: the extractor 'broken' (toy_features:Missing) can't be loaded")
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_name_is_answered_with_those_of_the_plugins_too(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--features", "thairs")
    assert done.returncode == 2
    assert "theirs" in done.stderr and "orb" in done.stderr
