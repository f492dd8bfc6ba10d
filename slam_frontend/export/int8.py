"""The network in eight bits, calibrated on photographs and held against its float self on others."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.spatial import cKDTree

from slam_frontend.errors import OutputError, SequenceError
from slam_frontend.export.networks import export_network
from slam_frontend.models.card import read_card
from slam_frontend.models.decode import find_keypoints, sample_descriptors
from slam_frontend.models.quantize import quantize_graph
from slam_frontend.models.runtime import Runtime, create_runtime, graph_path, int8_path
from slam_frontend.photos import fit_image, read_photos
from slam_frontend.types import Array

PHOTOS, LEAST_PHOTOS = 300, 20
HELD_OUT = 10  # one in ten is kept for the check
SIZE = (240, 320)  # height, width
NUM_KEYPOINTS = 300  # of a photograph, in the check
LEAST_FOUND_AGAIN, LEAST_SIMILARITY = 0.8, 0.95


@dataclass(frozen=True)
class Agreement:
    """What eight bits leave of the network, on photographs that it was not calibrated on."""

    found_again: float  # share of the float network's keypoints that eight bits find within a pixel
    similarity: float  # mean cosine of the descriptors there


def export_int8(weights: Path, photos: Path) -> tuple[Path, Agreement]:
    """Write a checkpoint's network in eight bits beside it, calibrated on a folder or tar file of photographs.

    A checkpoint without an ONNX graph gets that as well. OutputError, and what stood there before stays, where eight
    bits are too few.
    """
    images = [fit_image(photo, SIZE)[0] for _, photo in read_photos(photos, PHOTOS)]
    if len(images) < LEAST_PHOTOS:
        raise SequenceError(
            f"{photos}: found {len(images)} photographs to calibrate on, expected {LEAST_PHOTOS} or more"
        )
    if not graph_path(weights).exists():
        export_network(weights, graph_path(weights), "onnx")
    read_card(weights)  # or WeightsError
    path = int8_path(weights)
    try:
        with TemporaryDirectory(dir=weights.parent) as folder:
            trial = Path(folder) / weights.name
            for file in (weights, graph_path(weights), weights.with_suffix(".json")):
                shutil.copy(file, folder)
            calibration = [image for row, image in enumerate(images) if row % HELD_OUT]
            quantize_graph(graph_path(trial), calibration, int8_path(trial))
            agreement = compare(trial, images[::HELD_OUT])
            _require_agreement(agreement, path, photos)
            path.unlink(missing_ok=True)  # a graph is never seen with another one's weights
            for suffix in (".bin", ".xml"):
                int8_path(trial).with_suffix(suffix).replace(path.with_suffix(suffix))
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror}); copy {weights} elsewhere") from error
    return path, agreement


def _require_agreement(agreement: Agreement, path: Path, photos: Path) -> None:
    """OutputError where eight bits are too few, or the photographs show nothing to tell by."""
    if np.isnan(agreement.found_again):
        raise OutputError(
            f"{path}: not made, the network finds no keypoint in {photos}; calibrate on other photographs"
        )
    if agreement.found_again < LEAST_FOUND_AGAIN or agreement.similarity < LEAST_SIMILARITY:
        raise OutputError(
            f"{path}: not made, eight bits find {agreement.found_again:.0%} of the keypoints again "
            f"(expected {LEAST_FOUND_AGAIN:.0%}) with descriptors of cosine {agreement.similarity:.3f} "
            f"(expected {LEAST_SIMILARITY}); calibrate on photographs of the kind that the network knows"
        )


def compare(weights: Path, images: list[Array]) -> Agreement:
    """Eight bits against float on images (H,W) uint8 whose sides are multiples of 8."""
    full, light = (create_runtime("openvino", precision, weights) for precision in ("float", "int8"))
    rows = [row for image in images if (row := _compare_one(full, light, image))]
    if not rows:
        return Agreement(np.nan, np.nan)
    found_again, similarity = np.mean(rows, axis=0)
    return Agreement(float(found_again), float(similarity))


def _compare_one(full: Runtime, light: Runtime, image: Array) -> tuple[float, float] | None:
    heatmap, coarse = full.run(image)
    keypoints, _ = find_keypoints(heatmap, NUM_KEYPOINTS, full.card.threshold)
    expected = sample_descriptors(coarse, keypoints)
    heatmap, coarse = light.run(image)
    others, _ = find_keypoints(heatmap, 2 * NUM_KEYPOINTS, full.card.threshold / 2)  # none fails for its rank alone
    if not len(keypoints) or not len(others):
        return (0.0, 0.0) if len(keypoints) else None
    gaps, _ = cKDTree(others).query(keypoints)
    cosines = (expected * sample_descriptors(coarse, keypoints)).sum(1)
    return float(np.mean(gaps <= 1)), float(cosines.mean())
