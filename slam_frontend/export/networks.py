"""The network alone for other runtimes: any batch and size, post-processing left to the caller, checked on the spot."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from slam_frontend.errors import OutputError, WeightsError
from slam_frontend.files import make_writable, write_atomically
from slam_frontend.models.card import Card, parse_card
from slam_frontend.models.onnx_graph import build_graph, write_graph
from slam_frontend.models.runtime_openvino import SETTINGS, openvino_core
from slam_frontend.models.superpoint import SuperPoint, fold
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.optional import require
from slam_frontend.types import Array

Format = Literal["onnx", "torchscript", "openvino"]
SHAPES = ((1, 1, 240, 320), (2, 1, 120, 168))  # that the check runs: another batch, another size
TOLERANCE = 1e-3  # of logits and of unit descriptors
Run = Callable[[Array], tuple[Array, Array]]


def export_network(weights: Path, path: Path, format: Format) -> float:
    """Write a checkpoint's network for another runtime, and its card beside it as JSON, which says how to read its
    heatmap; the greatest difference of its outputs from ours.

    Input ``images`` (B,1,H,W) float32 in 0..1 with sides that are multiples of 8, outputs ``logits``
    (B,65,H/8,W/8) and unit ``descriptors`` (B,D,H/8,W/8). OutputError, and no file, where they disagree or where
    anything but the same network stands there.
    """
    network, card = load_checkpoint(weights)
    network = fold(network).requires_grad_(False)
    _require_free(path, weights, card, format)
    aside = path.with_name(f".unfinished-{path.name}")
    make_writable(path.parent)
    try:
        run = {"onnx": _write_onnx, "torchscript": _write_torchscript, "openvino": _write_openvino}[format](
            network, aside
        )
        difference = _compare(network, run)
        if not difference <= TOLERANCE:  # NaN is no agreement
            raise OutputError(
                f"{path}: the exported network differs by {difference:.2g}; this runtime can't be trusted"
            )
        write_atomically(_card_path(path), card.model_dump_json(indent=2) + "\n")
        for written in (aside.with_suffix(".bin"), aside):  # OpenVINO's weights lie beside its graph
            if written.exists():
                written.replace(path.with_suffix(".bin") if written.suffix == ".bin" else path)
    finally:
        for left in (aside.with_suffix(".bin"), aside):
            left.unlink(missing_ok=True)
    return difference


def _card_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _require_free(path: Path, weights: Path, card: Card, format: Format) -> None:
    """OutputError where anything lies that is not an export of the same network."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; expected the name of a file to write")
    if path == _card_path(path):
        raise OutputError(f"{path}: the network's card would take this name; choose one that does not end in .json")
    if path.exists() and path.samefile(weights):
        raise OutputError(f"{path}: is the checkpoint itself; choose another name")
    written = [path, _card_path(path), *([path.with_suffix(".bin")] if format == "openvino" else [])]
    if not any(file.exists() for file in written):
        return
    try:
        is_ours = parse_card(_card_path(path).read_text("utf-8"), source=str(path)) == card
    except (OSError, UnicodeDecodeError, WeightsError):
        is_ours = False
    if not is_ours:
        raise OutputError(
            f"{path}: {' or '.join(file.name for file in written)} is there already, and not of these weights; choose "
            "another name, or remove them"
        )


def _write_onnx(network: SuperPoint, path: Path) -> Run:
    runtime = require("onnxruntime", extra="onnx")
    write_graph(path, network)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: tuple(session.run(["logits", "descriptors"], {"images": images}))


def _write_torchscript(network: SuperPoint, path: Path) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch recommends torch.export, which C++ hosts can't read
        traced = torch.jit.trace(network, torch.rand(SHAPES[0]))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, str(path))
        loaded = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
    return lambda images: tuple(output.numpy() for output in loaded(torch.from_numpy(images)))


def _write_openvino(network: SuperPoint, path: Path) -> Run:
    openvino = require("openvino", extra="fast")
    core = openvino_core()
    model = core.read_model(build_graph(network).SerializeToString())
    openvino.save_model(model, str(path), compress_to_fp16=False)
    compiled = core.compile_model(str(path), "CPU", SETTINGS)

    def run(images: Array) -> tuple[Array, Array]:
        outputs: Any = compiled(images)
        return outputs[0], outputs[1]

    return run


def _compare(network: SuperPoint, run: Run) -> float:
    rng, differences = np.random.default_rng(0), []
    for shape in SHAPES:
        images = rng.random(shape, np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(images))
        for ours, theirs in zip(expected, run(images), strict=True):
            if ours.shape != theirs.shape:
                return float("inf")
            differences.append(np.abs(ours.numpy() - theirs).max())
    return float(np.max(differences))
