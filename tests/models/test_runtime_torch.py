"""What the GPU's runtime does, as far as a CPU can tell; the marked test needs a GPU."""

import logging

import numpy as np
import pytest
import torch

from slam_frontend.models import cuda_graph
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.runtime_torch import TorchRuntime
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "net.pt"
    save_checkpoint(path, SuperPoint(FAST), Card(name="net", network=FAST))
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
        given = TorchRuntime(weights, "half").run(image)
    assert "can't use the GPU" in caplog.text
    np.testing.assert_array_equal(given[0], TorchRuntime(weights, "float").run(image)[0])


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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_answers_as_the_cpu_does_image_after_image(weights, image):
    on_gpu = TorchRuntime(weights, "float")
    on_cpu = TorchRuntime(weights)
    on_cpu._network, on_cpu._device, on_cpu._call = on_cpu._network.cpu(), torch.device("cpu"), on_cpu._look
    for shown in (image, image[::-1].copy(), image):
        for given, wanted in zip(on_gpu.run(shown), on_cpu.run(shown), strict=True):
            np.testing.assert_allclose(given, wanted, atol=5e-3 * np.abs(wanted).max())
