"""A finished training made into what ships: a folded checkpoint, its card and its ONNX graph."""

import logging
import math
import subprocess
from pathlib import Path
from typing import Any

from slam_frontend import __version__
from slam_frontend.errors import MissingDependency
from slam_frontend.models.card import Card
from slam_frontend.models.onnx_graph import write_graph
from slam_frontend.models.runtime import graph_path
from slam_frontend.models.superpoint import SuperPoint, blend, fold
from slam_frontend.models.weights import save_checkpoint
from slam_frontend.training import stages
from slam_frontend.training.config import TrainingConfig

logger = logging.getLogger(__name__)

LICENCE = "Apache-2.0"


def ship_magicpoint(config: TrainingConfig) -> Path:
    """Write the detector as a checkpoint of its own, to be judged and to label with; its path."""
    network, state = stages.load_last(config, stages.magicpoint_folder(config))
    card = create_card(config, state, notes="MagicPoint: a detector only, its descriptors are untrained.")
    card = card.model_copy(update={"sharpen": False, "data": "synthetic shapes"})
    path = config.folder / "magicpoint.pt"
    save_checkpoint(path, network, card)
    return path


def ship(config: TrainingConfig, number: int, folder: Path | None = None, notes: str = "") -> Path:
    """Write the last network of a round into a folder, by default the run's own; the checkpoint's path."""
    last, state = stages.load_last(config, stages.joint_folder(config, number))
    network = fold(last)
    if config.joint.start is not None and config.joint.keep_of_start:
        stages.require_share(config, number)
        stages.require_start(config)
        network = blend(network, stages.fitting_start(config, config.joint.start), config.joint.keep_of_start)
    path = (folder or config.folder) / f"{config.file_name}.pt"
    save_checkpoint(path, network, create_card(config, state, notes))
    _write_graph(path, network)
    return path


def create_card(config: TrainingConfig, state: dict[str, Any], notes: str = "") -> Card:
    """What the checkpoint of a training state tells about itself: how it was trained, by the state where that knows it,
    and how it ships, by the config."""
    about = {**stages.about(config), **state.get("about", {})}
    trained = about["config"]
    joint = trained["joint"] | {"keep_of_start": config.joint.keep_of_start}
    shipped = {"name": config.name, "threshold": config.threshold, "sharpen": config.sharpen, "joint": joint}
    return Card(
        name=config.name,
        network=config.network,
        sharpen=config.sharpen,
        threshold=config.threshold,
        version=__version__,
        licence=LICENCE,
        data=about["data"],
        seed=trained["seed"],
        step=state["step"],
        commit=current_commit(),
        metrics={name: round(value, 4) for name, value in state["metrics"].items() if math.isfinite(value)},
        config=trained | shipped,
        notes=notes,
    )


def _write_graph(checkpoint: Path, network: SuperPoint) -> None:
    """The graph beside its checkpoint; a training of hours does not fail for want of a package."""
    graph = graph_path(checkpoint)
    try:
        write_graph(graph, network)
    except MissingDependency as error:
        command = f"slam-frontend export onnx {graph} --weights {checkpoint}"
        logger.warning("%s: not written, the checkpoint is: %s, then `%s`", graph, error, command)


def current_commit() -> str:
    """The commit of the code that runs, or nothing where there is no git."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
