"""What ``auto`` stands for, and what can't be had together."""

import hashlib
import shutil

import pytest

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError, WeightsError
from slam_frontend.features import resolve
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.models import runtime
from slam_frontend.models.runtime import choose, create_runtime, graph_path, has_gpu, int8_path


@pytest.fixture
def weights(tmp_path):
    """A checkpoint with a graph and one in eight bits beside it, as far as names tell."""
    path = tmp_path / "net.pt"
    path.write_bytes(b"checkpoint")
    graph_path(path).write_bytes(b"graph")
    int8_path(path).write_text(f'<made_from value="{hashlib.sha256(b"graph").hexdigest()}" />')
    return path


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Says what is installed: everything, and no GPU, unless a test says otherwise."""

    def set_up(installed=("openvino", "onnxruntime"), gpu=False):
        monkeypatch.setattr(runtime, "find_spec", lambda name: object() if name in installed else None)
        monkeypatch.setattr(runtime, "has_gpu", lambda: gpu)

    set_up()
    return set_up


def test_the_fastest_that_is_installed_is_taken(weights, machine):
    assert choose("auto", "auto", weights) == ("openvino", "int8")
    machine(installed=("onnxruntime",))
    assert choose("auto", "auto", weights) == ("onnxruntime", "float")
    machine(installed=())
    assert choose("auto", "auto", weights) == ("torch", "float")
    machine(gpu=True)
    assert choose("auto", "auto", weights) == ("torch", "half")


@pytest.mark.parametrize(("build", "is_usable"), [("2.13.0", True), ("2.13.0+cu130", True), ("2.13.0+cpu", False)])
def test_a_gpu_is_no_use_to_a_torch_for_cpus(build, is_usable, monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "version", lambda package: {"torch": build}[package])
    monkeypatch.setattr(runtime, "GPU", tmp_path / "nvidia0")
    assert not has_gpu()
    runtime.GPU.touch()
    assert has_gpu() == is_usable


def test_what_the_user_says_is_kept(weights):
    assert choose("auto", "float", weights) == ("openvino", "float")
    assert choose("torch", "auto", weights) == ("torch", "float")
    assert choose("onnxruntime", "float", weights) == ("onnxruntime", "float")


def test_without_a_graph_torch_runs_the_checkpoint(weights):
    graph_path(weights).unlink()
    assert choose("auto", "auto", weights) == ("torch", "float")


def test_eight_bits_of_other_weights_are_not_taken(weights):
    graph_path(weights).write_bytes(b"trained once more")
    assert choose("auto", "auto", weights) == ("openvino", "float")
    pytest.importorskip("openvino")
    graph_path(weights).with_suffix(".json").write_text('{"name": "net"}')
    with pytest.raises(WeightsError, match=r"made from another graph.*export int8 PHOTOS"):
        create_runtime("auto", "int8", weights)


@pytest.mark.parametrize(
    ("runtime", "precision", "victim", "command"),
    [
        ("openvino", "float", ".onnx", "export onnx"),
        ("onnxruntime", "float", ".onnx", "export onnx"),
        ("openvino", "int8", "_int8.bin", "export int8 PHOTOS"),
    ],
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_graph_that_was_cut_is_named_with_the_command(tmp_path, runtime, precision, victim, command, share):
    pytest.importorskip(runtime)
    shipped = shipped_weights("superpoint-fast")
    for path in shipped.parent.glob("superpoint_fast*"):
        shutil.copy(path, tmp_path)
    cut = tmp_path / f"superpoint_fast{victim}"
    cut.write_bytes(cut.read_bytes()[: int(share * cut.stat().st_size)])
    with pytest.raises(WeightsError, match=rf"superpoint_fast\S*: is damaged; .*{command} .*--weights"):
        create_runtime(runtime, precision, tmp_path / shipped.name)


@pytest.mark.parametrize(("victim", "what"), [("_int8.xml", "is damaged"), (".json", "its card can't be read")])
def test_a_file_beside_the_weights_that_is_no_text_is_one_sentence(tmp_path, victim, what):
    pytest.importorskip("openvino")
    shipped = shipped_weights("superpoint-fast")
    for path in shipped.parent.glob("superpoint_fast*"):
        shutil.copy(path, tmp_path)
    damaged = tmp_path / f"superpoint_fast{victim}"
    damaged.write_bytes(b"\xff\xfe" + damaged.read_bytes())
    with pytest.raises(WeightsError, match=rf"superpoint_fast\S*: {what}"):
        create_runtime("openvino", "int8", tmp_path / shipped.name)


def test_a_precision_that_a_runtime_lacks_is_one_sentence(weights):
    for name, precision in (("torch", "int8"), ("onnxruntime", "int8"), ("openvino", "half")):
        with pytest.raises(ConfigError, match=f"{precision} runs with"):
            choose(name, precision, weights)
    with pytest.raises(ConfigError, match="half needs a GPU"):
        choose("auto", "half", weights)


def test_a_config_is_told_what_auto_means_here(weights):
    config = ExtractorConfig(name="superpoint-fast", weights=weights)
    assert (resolve(config).runtime, resolve(config).precision) == ("openvino", "int8")
    binary = resolve(config.model_copy(update={"name": "binary-superpoint-fast"}))
    assert (binary.name, binary.precision) == ("binary-superpoint-fast", "int8")
    orb = ExtractorConfig(name="orb")
    assert resolve(orb) is orb


def test_missing_weights_are_named(weights):
    shutil.move(weights, weights.with_name("moved.pt"))
    with pytest.raises(WeightsError, match=r"net\.pt: no such checkpoint"):
        choose("auto", "auto", weights)
