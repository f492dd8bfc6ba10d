"""The C++ extractor finds what Python finds, and stands where ORB-SLAM's own class stood."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.export.networks import export_network
from slam_frontend.features import binarise, create_extractor
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import PAPER
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint
from slam_frontend.types import Array, Features

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sequences" / "sample" / "rgb" / "0.400000.jpg"
AS_IN_CPP = {"scales": [1], "border": 8, "runtime": "torch", "precision": "float"}
HOST = r"""
#undef NDEBUG
#include <cassert>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include "ORBextractor.h"

using ORB_SLAM2::ORBextractor;

int main(int, char **argv) {
    ORBextractor *extractor = new ORBextractor(200, 1.2f, 8, 20, 7);
    assert(extractor->GetLevels() == 1 && std::isfinite(1 / std::log(extractor->GetScaleFactor())));
    for (std::vector<float> factors : {extractor->GetScaleFactors(), extractor->GetInverseScaleFactors(),
                                       extractor->GetScaleSigmaSquares(), extractor->GetInverseScaleSigmaSquares()}) {
        assert(factors.size() == 1 && factors[0] == 1);
    }
    cv::Mat image = cv::imread(argv[1], 0), descriptors, mask = cv::Mat::zeros(image.size(), CV_8U);
    std::vector<cv::KeyPoint> keypoints, masked;

    (*extractor)(image, cv::Mat(), keypoints, descriptors);  // ORB-SLAM2
    assert(keypoints.size() == 200 && descriptors.rows == 200 && descriptors.cols == 32 && descriptors.type() == CV_8U);
    for (const cv::KeyPoint &point : keypoints) {  // as Frame::ComputeStereoMatches reads them
        assert(point.octave == 0);
        const float x = std::round(point.pt.x), y = std::round(point.pt.y);
        extractor->mvImagePyramid[point.octave].rowRange(y - 5, y + 6).colRange(x - 5, x + 6);
    }

    std::vector<int> both = {100, 220};
    cv::Mat ordered;
    const int alone = (*extractor)(image, cv::Mat(), masked, ordered, both);  // ORB-SLAM3
    assert(masked.size() == 200 && ordered.rows == 200 && 0 < alone && alone < 200);
    for (int row = 0; row < 200; ++row) assert((row < alone) == (masked[row].pt.x < 100 || masked[row].pt.x > 220));
    size_t first = 0;
    while (keypoints[first].pt.x >= 100 && keypoints[first].pt.x <= 220) ++first;
    assert(cv::norm(ordered.row(0), descriptors.row(first), cv::NORM_HAMMING) == 0);

    mask.colRange(0, 160) = 255;
    (*extractor)(image, mask, masked, descriptors);
    assert(!masked.empty() && int(masked.size()) == descriptors.rows);
    for (const cv::KeyPoint &point : masked) assert(cvRound(point.pt.x) < 160);

    for (cv::Size size : {cv::Size(0, 0), cv::Size(1, 1), cv::Size(7, 300), cv::Size(17, 17)}) {
        (*extractor)(cv::Mat::zeros(size, CV_8U), cv::Mat(), masked, descriptors);
        assert(masked.empty() && descriptors.empty());
    }
    cv::Mat colour;
    cv::merge(std::vector<cv::Mat>(3, image), colour);
    (*extractor)(colour, cv::Mat(), masked, descriptors);
    assert(masked.size() == 200 && masked[7].pt == keypoints[7].pt);
    try {
        (*extractor)(cv::Mat::zeros(100, 100, CV_16U), cv::Mat(), masked, descriptors);
        assert(false);
    } catch (const std::invalid_argument &) {
    }
    delete extractor;
}
"""


def build(folder: Path, *settings: str) -> None:
    configured = run("cmake", "-S", ROOT / "examples" / "cpp", "-B", folder, *settings)
    if configured.returncode and "OpenCV" in configured.stderr:
        pytest.skip("OpenCV's headers for C++ are not installed: apt-get install libopencv-dev")
    assert configured.returncode == 0, configured.stderr
    built = run("cmake", "--build", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in built.stderr


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled example."""
    if not (shutil.which("cmake") and any(map(shutil.which, ("c++", "g++", "clang++")))):
        pytest.skip("compiling the example needs cmake and a C++ compiler")
    folder = tmp_path_factory.mktemp("build")
    build(folder)
    return folder / "extract"


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper's network, exported, with a checkpoint beside it; random, but sure of something."""
    pytest.importorskip("onnx", reason="onnx is not installed: pip install slam-frontend[onnx]")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install slam-frontend[onnx]")
    torch.manual_seed(0)
    network = SuperPoint(PAPER)
    with torch.no_grad():
        network.layer("convPb").weight.mul_(80)
    folder = tmp_path_factory.mktemp("untrained")
    save_checkpoint(folder / "net.pt", network, Card(name="untrained", threshold=0.02))
    export_network(folder / "net.pt", folder / "net.onnx", "onnx")
    return folder / "net.onnx"


def extract(program: Path, image: Path, *options: object) -> tuple[Array, Array]:
    """Keypoints (N,3) with their scores, and descriptors."""
    out = program.parent / "out.yml"
    done = run(program, image, out, *options)
    assert done.returncode == 0, done.stderr
    file = cv2.FileStorage(str(out), cv2.FILE_STORAGE_READ)
    return file.getNode("keypoints").mat(), file.getNode("descriptors").mat()


def assert_same(features: Features, keypoints: Array, descriptors: Array) -> None:
    """All keypoints, none left out: each has one of its own within a tenth of a pixel, described alike."""
    gaps = np.linalg.norm(features.keypoints[:, None] - keypoints[:, :2], axis=2)
    partners = gaps.argmin(1)
    assert len(keypoints) == len(features)
    assert len(set(partners.tolist())) == len(features)
    assert gaps.min(1).max() < 0.1
    assert np.allclose(features.scores, keypoints[partners, 2], atol=1e-4)
    assert np.sum(features.descriptors * descriptors[partners], axis=1).min() > 0.999


@pytest.mark.parametrize("count", [1000, 200])
def test_the_shipped_network_finds_the_same_in_both_languages(program: Path, count: int) -> None:
    settings = {"name": "superpoint-fast", "max_keypoints": count}
    features = create_extractor(settings | AS_IN_CPP).extract(cv2.imread(str(SAMPLE), 0))
    keypoints, descriptors = extract(program, SAMPLE, "--floats", f"--max={count}")
    assert min(count, 300) <= len(features) <= count
    assert_same(features, keypoints, descriptors)


def test_an_exported_network_of_any_kind_does_so_on_an_image_of_any_size(
    program: Path, untrained: Path, tmp_path: Path
) -> None:
    image = cv2.imread(str(SAMPLE), 0)[:157, :231]
    cv2.imwrite(str(tmp_path / "odd.png"), image)
    settings = {"name": "superpoint", "weights": untrained.with_suffix(".pt")}
    features = create_extractor(settings | AS_IN_CPP).extract(image)
    keypoints, descriptors = extract(program, tmp_path / "odd.png", "--floats", f"--model={untrained}")
    assert len(features) > 50
    assert_same(features, keypoints, descriptors)


def test_the_bits_are_those_of_python(program: Path) -> None:
    """So a vocabulary made of either serves both."""
    _, floats = extract(program, SAMPLE, "--floats")
    _, bits = extract(program, SAMPLE)
    assert bits.dtype == np.uint8 and bits.shape == (len(floats), 32)
    assert np.unpackbits(bits ^ binarise(floats)).mean() < 1e-4  # a descriptor on a plane may fall to either side


def test_a_host_uses_it_as_its_own(program: Path, tmp_path: Path) -> None:
    (tmp_path / "host.cc").write_text(HOST)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(host CXX)\n"
        f"add_subdirectory({ROOT / 'examples' / 'cpp'} frontend)\n"
        "add_executable(host host.cc)\ntarget_link_libraries(host orb_extractor)\n"
    )
    configured = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-DHOST=ORB_SLAM2")
    assert configured.returncode == 0, configured.stderr
    built = run("cmake", "--build", tmp_path / "build", "--target", "host")
    assert built.returncode == 0, built.stdout + built.stderr
    done = run(tmp_path / "build" / "host", SAMPLE)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_said_in_one_sentence(program: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "slam_frontend" / "weights" / "superpoint_fast.onnx", tmp_path / "bare.onnx")
    (tmp_path / "none.json").write_text('{"threshold": 0.005, "sharpen": true}')
    for arguments, expected in (
        ([tmp_path / "none.jpg", tmp_path / "out.yml"], "none.jpg: can't be read as an image"),
        ([SAMPLE, tmp_path / "no folder" / "out.yml"], "out.yml: can't be written"),
        ([SAMPLE, tmp_path / "out.yml", f"--model={tmp_path / 'bare.onnx'}"], "bare.json: expected the card"),
        ([SAMPLE, tmp_path / "out.yml", f"--model={tmp_path / 'none.onnx'}"], "none.onnx: can't be read"),
        ([SAMPLE, tmp_path / "out.yml", "--max", "500"], "--max: no such option; expected --max=NUMBER"),
        ([SAMPLE, tmp_path / "out.yml", "--float"], "--float: no such option; expected --max=NUMBER"),
        ([SAMPLE, tmp_path / "out.yml", "--max=abc"], "--max: expected a positive number, as in --max=500"),
        ([SAMPLE, tmp_path / "out.yml", "--max=12k"], "--max: expected a positive number, as in --max=500"),
    ):
        done = run(program, *arguments)
        assert done.returncode == 2
        assert expected in done.stderr.splitlines()[-1]
        assert not (tmp_path / "out.yml").exists()
