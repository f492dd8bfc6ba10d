"""What the GPU's runtime does, as far as a CPU can tell; the marked test needs a GPU."""

import logging

import cv2
import numpy as np
import pytest
import torch
from random_network import image_of, random_network, save_random

from slam_frontend.models import cuda_graph, decode
from slam_frontend.models.card import Card
from slam_frontend.models.keypoints import FoundKeypoints, WantedKeypoints
from slam_frontend.models.network_config import FAST
from slam_frontend.models.runtime_cuda import CudaRuntime, create_torch, find_in
from slam_frontend.models.runtime_torch import TorchRuntime
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "net.pt"
    save_checkpoint(path, random_network(), Card(name="net", network=FAST))
    return path


@pytest.fixture
def sure(tmp_path):
    path = tmp_path / "sure.pt"
    save_random(path)
    return path


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (64, 96)).astype(np.uint8)


def test_half_precision_and_channels_last_answer_as_float_does_and_in_float(weights, image):
    expected = TorchRuntime(weights, channels_last=False).run(image)
    runtime = TorchRuntime(weights)
    runtime._network.half()
    for given, wanted in zip(runtime.run(image), expected, strict=True):
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, wanted, atol=0.02 * np.abs(wanted).max())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU that torch can use")
def test_a_gpu_that_torch_cannot_use_is_told_and_not_needed(weights, image, caplog):
    with caplog.at_level(logging.WARNING):
        given = create_torch(weights, "half").run(image)
    assert "can't use the GPU" in caplog.text
    np.testing.assert_array_equal(given[0], create_torch(weights, "float").run(image)[0])


def test_each_size_is_recorded_once_and_few_are_kept(monkeypatch):
    recorded = []

    def record(call, given):
        recorded.append(tuple(given.shape))
        return call

    monkeypatch.setattr(cuda_graph, "record", record)
    replayed = cuda_graph.Recorded(lambda tensor: (tensor + 1, tensor + 2))
    for size in (2, 3, 2, 3):
        assert replayed(torch.zeros(size))[1].tolist() == [2.0] * size
    assert recorded == [(2,), (3,)]
    for size in range(4, 4 + cuda_graph.SIZES_KEPT):
        replayed(torch.zeros(size))
    replayed(torch.zeros(2))
    assert recorded.count((2,)) == 2


def test_what_cannot_be_recorded_is_called_all_the_same_and_told_once(monkeypatch, caplog):
    def record(call, given):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda_graph, "record", record)
    replayed = cuda_graph.Recorded(lambda tensor: (tensor + 1, tensor + 2))
    assert [replayed(torch.zeros(1))[0].item() for _ in range(2)] == [1.0, 1.0]
    assert caplog.text.count("not permitted") == 1


def found_in(answer, image, wanted):
    heatmap, coarse = answer
    return decode.find(heatmap, coarse, image, wanted)


def share_found_again(given, expected):
    """How many of the expected keypoints lie within half a pixel of a given one with the same descriptor."""
    gaps = np.linalg.norm(expected.positions[:, None] - given.positions, axis=2)
    alike = (expected.descriptors * given.descriptors[gaps.argmin(1)]).sum(1) > 0.99
    return (alike & (gaps.min(1) < 0.5)).mean()


@pytest.mark.parametrize("sharpen", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (61, 91)])
def test_what_the_gpu_records_finds_what_numpy_finds(sure, size, sharpen):
    image, wanted = image_of(*size), WantedKeypoints(60, 0.01, 4, 4, sharpen)
    runtime = TorchRuntime(sure)
    points, descriptors = (part.detach().numpy() for part in find_in(runtime._network, wanted, torch.from_numpy(image)))
    bottom, right = (-side % 8 for side in size)
    whole = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    expected = found_in(runtime.run(whole), image, wanted)
    given = FoundKeypoints(points[:, :2], points[:, 2], descriptors)
    assert len(expected.scores) == (given.scores > 0).sum() > 20
    assert share_found_again(given, expected) > 0.95


@pytest.mark.parametrize("precision", ["float", "half"])
def test_the_gpu_s_runtime_answers_as_the_cpu_s_and_finds_as_many_as_are_asked_for(sure, gpu_on_cpu, precision):
    image, wanted = image_of(64, 96), WantedKeypoints(60, 0.01, 4, 4, True)
    answer = TorchRuntime(sure).run(image)
    runtime = CudaRuntime(sure, precision)
    for given, expected in zip(runtime.run(image), answer, strict=True):
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, expected, atol=2e-2 * np.abs(expected).max())
    whole, few = runtime.find(image, wanted, 60), runtime.find(image, wanted, 7)
    assert share_found_again(whole, found_in(answer, image, wanted)) > 0.9
    assert len(whole.scores) > len(few.scores) == 7 and (np.diff(whole.scores) <= 0).all()
    np.testing.assert_array_equal(few.positions, whole.positions[:7])
    runtime.find(image[::-1], wanted._replace(sharpen=False), 60)
    assert gpu_on_cpu == [(64, 96)] * 3, "the answer, and what finds in it for each of the two wishes"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "atol"), [("float", 5e-3), ("half", 2e-2)])
def test_the_gpu_answers_as_the_cpu_does_image_after_image(sure, precision, atol):
    on_gpu, on_cpu = CudaRuntime(sure, precision), TorchRuntime(sure)
    image, wanted = image_of(64, 96), WantedKeypoints(60, 0.01, 4, 4, True)
    for shown in (image, image[::-1].copy(), image):
        answer = on_cpu.run(shown)
        for given, expected in zip(on_gpu.run(shown), answer, strict=True):
            np.testing.assert_allclose(given, expected, atol=atol * np.abs(expected).max())
        assert share_found_again(on_gpu.find(shown, wanted, 60), found_in(answer, shown, wanted)) > 0.9


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_records_what_finds_keypoints(sure, monkeypatch):
    runtime, wanted = CudaRuntime(sure, "half"), WantedKeypoints(60, 0.01, 4, 4, True)
    first = runtime.find(image_of(61, 91), wanted, 60)
    monkeypatch.setattr(SuperPoint, "forward", None)  # a recording runs none of its Python again
    again = runtime.find(image_of(61, 91), wanted, 60)
    np.testing.assert_array_equal(again.positions, first.positions)
