"""The learned extractor keeps the extractor's promises, whatever runs the network."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from random_network import image_of, save_random

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError, WeightsError
from slam_frontend.features import create_extractor
from slam_frontend.features.superpoint import SuperPointExtractor, shipped_weights
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.onnx_graph import write_graph
from slam_frontend.models.runtime import create_runtime
from slam_frontend.models.runtime_cuda import CudaRuntime
from slam_frontend.models.runtime_torch import TorchRuntime
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    write_graph(path.with_suffix(".onnx"), save_random(path))
    return path


def extract(weights, image, **settings):
    settings = {"name": "superpoint-fast", "weights": weights, "runtime": "torch", **settings}
    return create_extractor(ExtractorConfig(**settings)).extract(image)


def test_features_are_what_every_extractor_promises(weights):
    features = extract(weights, image_of(120, 160), max_keypoints=60)
    assert 20 < len(features) <= 60
    assert features.norm == "l2" and features.descriptors.shape == (len(features), 64)
    assert {array.dtype for array in (features.keypoints, features.scores, features.descriptors)} == {np.dtype("f4")}
    np.testing.assert_allclose(np.linalg.norm(features.descriptors, axis=1), 1, atol=1e-5)
    assert (np.diff(features.scores) <= 0).all() and features.scores.min() > 0.02
    assert (features.scales == 1).all()


def test_a_second_size_finds_what_the_image_of_half_the_size_shows(weights):
    image = image_of(192, 256)
    half = cv2.resize(image, (128, 96), interpolation=cv2.INTER_AREA)
    both = extract(weights, image, scales=[1, 0.5], max_keypoints=250)
    for scale, part, count in ((1, image, 200), (2, half, 50)):
        alone = extract(weights, part, scales=[1], max_keypoints=count)
        found = both.select(both.scales == scale)
        assert len(alone) == len(found) == count
        np.testing.assert_allclose(found.keypoints, (alone.keypoints + 0.5) * scale - 0.5, atol=1e-4)
        np.testing.assert_array_equal(found.descriptors, alone.descriptors)
    assert (np.diff(both.scores) <= 0).all()


def test_tracking_looks_at_a_quarter_of_the_size_and_all_else_at_half_unless_told(weights):
    image, config = image_of(256, 320), ExtractorConfig(name="superpoint-fast", weights=weights, runtime="torch")
    assert set(create_extractor(config).extract(image).scales) == {1, 2}
    assert set(create_extractor(config.for_tracking()).extract(image).scales) == {1, 4}
    assert set(create_extractor(config.for_tracking()).extract(image[:250]).scales) == {1}  # no room for the network
    assert set(create_extractor(config.at_full_size().for_tracking()).extract(image).scales) == {1}
    asked = config.model_copy(update={"scales": (0.5,)})
    assert asked.at_full_size().for_tracking().scales == (0.5,)
    assert set(create_extractor(asked).extract(image).scales) == {2}


def test_tracking_takes_fainter_points_unless_told():
    image, config = cv2.blur(image_of(240, 320), (9, 1)), ExtractorConfig(name="superpoint-fast", scales=(1.0,))
    bright, all_of_them = (create_extractor(c).extract(image) for c in (config, config.for_tracking()))
    assert len(bright) < len(all_of_them) < config.max_keypoints
    np.testing.assert_array_equal(all_of_them.keypoints[: len(bright)], bright.keypoints)
    told = config.model_copy(update={"faint": False})
    assert len(create_extractor(told.for_tracking()).extract(image)) == len(bright)


def test_the_threshold_of_the_config_goes_before_the_cards(weights):
    image = image_of(120, 160)
    assert len(extract(weights, image, threshold=0.5)) < len(extract(weights, image))


@pytest.mark.parametrize("size", [(120, 160), (121, 167), (127, 153), (50, 51)])
def test_any_size_works_and_keypoints_stay_inside(weights, size):
    features = extract(weights, image_of(*size))
    assert len(features) > 0
    border = 4 - 2  # sub-pixel positions move by up to two pixels
    assert (features.keypoints >= border).all()
    assert (features.keypoints <= (size[1] - 1 - border, size[0] - 1 - border)).all()


def test_keypoints_described_again_look_as_when_they_were_found(weights):
    extractor = create_extractor({"name": "superpoint-fast", "weights": weights, "runtime": "torch", "scales": [1]})
    image = image_of(121, 167)
    features = extractor.extract(image)
    np.testing.assert_allclose(extractor.describe(image, features.keypoints), features.descriptors, atol=1e-5)


@pytest.mark.parametrize(("size", "count"), [((122, 166), 300), ((61, 91), 50)])
def test_a_runtime_that_finds_keypoints_itself_gives_the_same_features(weights, gpu_on_cpu, size, count):
    image, config = image_of(*size), ExtractorConfig(name="superpoint-fast", max_keypoints=count, border=0)
    plain, finding = (
        SuperPointExtractor("superpoint-fast", runtime, config).extract(image)
        for runtime in (TorchRuntime(weights), CudaRuntime(weights, "float"))
    )
    assert len(plain) == len(finding) <= count
    assert sorted(plain.scales) == sorted(finding.scales)
    gaps = np.linalg.norm(plain.keypoints[:, None] - finding.keypoints, axis=2)
    alike = (gaps.min(1) < 0.5) & ((plain.descriptors * finding.descriptors[gaps.argmin(1)]).sum(1) > 0.99)
    assert alike.mean() > 0.95


def test_an_image_of_a_few_pixels_is_no_error_for_a_runtime_that_finds_keypoints_itself(weights, gpu_on_cpu):
    extractor = SuperPointExtractor("superpoint-fast", CudaRuntime(weights, "float"), ExtractorConfig())
    assert len(extractor.extract(image_of(4, 3))) == 0


def test_rows_and_columns_at_the_end_do_not_move_the_keypoints(weights):
    image = image_of(128, 160)
    whole, cut = (extract(weights, part, scales=[1]) for part in (image, image[:125, :155]))
    deep = whole.select((whole.keypoints < (90, 60)).all(1))  # beyond the reach of the network from the cut
    gaps = np.linalg.norm(deep.keypoints[:, None] - cut.keypoints[None], axis=2).min(1)
    assert len(deep) > 10 and gaps.max() < 1e-3


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_every_runtime_says_what_torch_says(weights, runtime, size):
    pytest.importorskip(runtime)
    image = image_of(*size)
    given, expected = (create_runtime(name, "float", weights).run(image) for name in (runtime, "torch"))
    assert given[0].shape == size and given[1].shape == (64, size[0] // 8, size[1] // 8)
    for ours, theirs in zip(given, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())  # single precision


def test_openvino_runs_images_of_many_sizes_in_turns(weights):
    pytest.importorskip("openvino")
    runtime = create_runtime("openvino", "float", weights)
    first = runtime.run(image_of(64, 96))[0].copy()
    for height in range(64, 64 + 8 * 8, 8):
        assert runtime.run(image_of(height, 96))[0].shape == (height, 96)
    np.testing.assert_array_equal(runtime.run(image_of(64, 96))[0], first)


def test_features_stay_what_they_were_when_the_next_image_comes(weights):
    pytest.importorskip("openvino")
    extractor = create_extractor({"name": "superpoint-fast", "weights": weights, "runtime": "openvino"})
    features = extractor.extract(image_of(96, 128))
    copies = [array.copy() for array in (features.keypoints, features.scores, features.descriptors)]
    extractor.extract(image_of(96, 128, seed=1))
    for array, copy in zip((features.keypoints, features.scores, features.descriptors), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_threads_that_share_an_extractor_get_the_features_of_their_own_image(weights):
    pytest.importorskip("openvino")
    extractor = create_extractor({"name": "superpoint-fast", "weights": weights, "runtime": "openvino"})
    images = [image_of(96, 128, seed) for seed in range(20)]
    expected = [extractor.extract(image) for image in images]
    described = [extractor.describe(*pair) for pair in zip(images, (one.keypoints for one in expected), strict=True)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(extractor.extract, images))
        found_again = list(pool.map(extractor.describe, images, [one.keypoints for one in expected]))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)
        np.testing.assert_array_equal(ours.descriptors, theirs.descriptors)
    np.testing.assert_array_equal(np.concatenate(found_again), np.concatenate(described))


HERE = "'--set', 'extractor.own_process=false'"


@pytest.mark.parametrize("settings", [{}, {"runtime": "openvino", "precision": "float"}])
def test_openvino_runs_without_torch(settings):
    """What a run does from the first import to the files at its end."""
    pytest.importorskip("openvino")
    overrides = "".join(f", '--set', 'extractor.{key}={value}'" for key, value in settings.items())
    code = (
        "import sys, tempfile\n"
        "from slam_frontend.cli.main import app\n"
        f"arguments = ['run', {str(SAMPLE)!r}, '--limit', '3', '--out', tempfile.mkdtemp(), {HERE}{overrides}]\n"
        "app(arguments, standalone_mode=False)\n"
        "assert 'openvino' in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_without_weights_there_is_a_sentence_and_no_random_network(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    with pytest.raises(WeightsError, match="no trained weights of superpoint-fast"):
        create_extractor({"name": "superpoint-fast"})
    with pytest.raises(WeightsError, match=r"gone\.pt: no such checkpoint"):
        create_extractor({"name": "superpoint", "weights": str(tmp_path / "gone.pt")})


def test_a_checkpoint_of_no_graph_says_how_to_get_one(tmp_path):
    save_checkpoint(tmp_path / "x.pt", SuperPoint(FAST), Card(name="x", network=FAST))
    with pytest.raises(WeightsError, match="runtime: torch"):
        create_runtime("onnxruntime", "float", tmp_path / "x.pt")


def test_a_colour_image_is_refused(weights):
    with pytest.raises(ConfigError, match="expected a grey image"):
        extract(weights, np.zeros((64, 64, 3), np.uint8))


def test_an_image_of_floats_is_refused_with_its_own_size(weights):
    with pytest.raises(ConfigError, match=r"found \(480, 640\) float32"):
        extract(weights, np.zeros((480, 640), np.float32))


def gaps_at_the_corners_of_squares(**settings):
    """How far (64,4) each corner lies from the nearest of the shipped weights' best 8 keypoints: bright and dark
    squares everywhere in a cell, under a little noise."""
    try:
        shipped_weights("superpoint-fast")
    except WeightsError as error:
        pytest.skip(str(error))
    extractor = create_extractor({"name": "superpoint-fast", "max_keypoints": 50, "scales": (1.0,), **settings})
    rng = np.random.default_rng(0)
    gaps = []
    for column, row in np.ndindex(8, 8):
        left, top = 48 + column, 40 + row
        right, bottom = left + 61, top + 41
        is_dark = (column + row) % 2
        image = np.full((128, 160), (60, 180)[is_dark], np.uint8)
        image[top:bottom, left:right] = (200, 50)[is_dark]
        features = extractor.extract((image + rng.normal(0, 2, image.shape)).astype(np.uint8))
        corners = np.array([[x - 0.5, y - 0.5] for y in (top, bottom) for x in (left, right)])
        gaps.append(np.linalg.norm(corners[:, None] - features.keypoints[None, :8], axis=2).min(1))
    return np.array(gaps)


def test_the_shipped_weights_find_the_corners_of_squares():
    assert gaps_at_the_corners_of_squares().max() < 2.5


def test_sharpened_keypoints_lie_alike_at_all_corners():
    vague, sharp = (gaps_at_the_corners_of_squares(sharpen=sharpen) for sharpen in (False, True))
    assert np.ptp(sharp.mean(0)) < 0.1
    assert sharp.std(0).max() < 0.15
    assert 2 * sharp.std(0).mean() < vague.std(0).mean()
