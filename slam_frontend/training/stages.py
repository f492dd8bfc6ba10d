"""The recipe, a function of the config per section of the paper; each picks up where it was killed."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slam_frontend.errors import ConfigError
from slam_frontend.models.growth import grow
from slam_frontend.models.superpoint import SuperPoint, unfold
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.training.adaptation import label_photos
from slam_frontend.training.config import TrainingConfig
from slam_frontend.training.datasets import SHAPES, load_labels, load_photos, load_shapes, require_shapes
from slam_frontend.training.engine import create_engine
from slam_frontend.training.joint import JointTask
from slam_frontend.training.loop import LAST, IsStopped, Loop, Watch
from slam_frontend.training.magicpoint import MagicPointTask
from slam_frontend.training.sources import (
    NOT_OF_LABELS,
    how_labelled,
    name_sources,
    require_labels_by,
    require_labels_of,
    require_photos,
    shards_in,
)
from slam_frontend.training.stored import load_checkpoint_state, load_weights

logger = logging.getLogger(__name__)

CALIBRATION = 64  # photographs that batch norm takes its first statistics from
HELD_OUT = 0.1  # of the photographs at most, to validate with where no others are named
NOT_OF_WEIGHTS = {"folder", "photos", "validation_photos"}  # settings that are of this machine
Count = Callable[[int, int], None]  # photographs labelled now, photographs in all


def magicpoint(
    config: TrainingConfig,
    watch: Watch | None = None,
    minutes: float | None = None,
    is_stopped: IsStopped = lambda: False,
) -> bool:
    """Section 4: the detector on synthetic shapes; True when it is done."""
    engine = create_engine(config.device, config.precision)
    shapes, validation = (load_shapes(config.folder / name) for name in SHAPES)
    task = MagicPointTask(shapes, validation, config.magicpoint, engine)
    torch.manual_seed(config.seed)
    network = SuperPoint(config.network, norm=True)
    folder = magicpoint_folder(config)
    loop = Loop(network, task, config.magicpoint.loop, engine, folder, config.seed, about(config))
    return loop.run(watch, minutes, is_stopped)


def label(config: TrainingConfig, number: int = 1, count: Count | None = None) -> None:
    """Section 5: homographic adaptation of the photographs, by MagicPoint or, in round 2, by the joint network."""
    engine = create_engine(config.device, config.precision)
    photos = load_photos(config.photos, config.photo_size, _cache(config))
    (network, name), folder = _teacher(config, number), labels_folder(config, number)
    require_labels_of(_cache(config), folder)
    require_labels_by(folder, config.label.model_dump(mode="json", exclude=NOT_OF_LABELS) | {"seed": config.seed}, name)
    for labelled in label_photos(network, photos, config.label, engine, folder, config.seed):
        if count is not None:
            count(labelled, len(photos))
    engine.wait_for_all()


def superpoint(
    config: TrainingConfig,
    number: int = 1,
    watch: Watch | None = None,
    minutes: float | None = None,
    labels_of: int | None = None,
    is_stopped: IsStopped = lambda: False,
) -> bool:
    """Section 3.4 and 6: detector and descriptor on warped pairs, from the teacher's weights; True when done.
    ``labels_of`` takes another round's labels, for a network that relabels while it learns."""
    _require_validation_photos(config)
    require_share(config, number)
    if number == 1:
        require_start(config)
    engine = create_engine(config.device, config.precision)
    labels_round = labels_of or number
    labelled = labels_folder(config, labels_round)
    rows, labels = load_labels(labelled)
    if labels_round < config.joint.confidence_from_round:
        labels[..., 2] = 1
    photos, validation = training_photos(config), validation_photos(config)
    require_labels_of(_cache(config), labelled)
    kept = rows < len(photos) - _held_out(config, len(photos))
    teacher = load_checkpoint(config.joint.teacher)[0] if config.joint.teacher else None
    task = JointTask(photos[rows[kept]], labels[kept], validation, config.joint, engine, config.sharpen, teacher)
    network, folder = _beginner(config, number), joint_folder(config, number)
    loop = Loop(network, task, config.joint.loop, engine, folder, config.seed, about(config, labelled))
    return loop.run(watch, minutes, is_stopped)


def about(config: TrainingConfig, labels: Path | None = None) -> dict[str, Any]:
    """What a training is of, for the card of its weights; the settings of labelling are those that the labels note."""
    settings = config.model_dump(mode="json", exclude=NOT_OF_WEIGHTS)
    if labels is not None:
        settings["label"] |= how_labelled(labels)
    return {"data": name_sources(_cache(config), config.photos), "config": settings}


def _teacher(config: TrainingConfig, number: int) -> tuple[SuperPoint, str]:
    """Who labels the photographs in a round, and what it is called."""
    if number == 1 and config.label.teacher is not None:
        network, card = load_checkpoint(config.label.teacher)
        return network, f"{config.label.teacher.name} at step {card.step}"
    folder = magicpoint_folder(config) if number == 1 else joint_folder(config, number - 1)
    network, state = load_last(config, folder)
    return network, f"{folder.name}/{LAST} at step {state['step']}"


def _beginner(config: TrainingConfig, number: int) -> SuperPoint:
    """What the joint training of a round starts from."""
    if number > 1:
        return load_last(config, joint_folder(config, number - 1))[0]
    if config.joint.start is not None:
        start = fitting_start(config, config.joint.start)
        return unfold(start, training_photos(config)[:CALIBRATION, None].float() / 255)
    if config.label.teacher is not None and not (magicpoint_folder(config) / LAST).exists():
        torch.manual_seed(config.seed)
        return SuperPoint(config.network, norm=True)
    return load_last(config, magicpoint_folder(config))[0]


def fitting_start(config: TrainingConfig, path: Path) -> SuperPoint:
    """The checkpoint to go on from, grown to the config's network where it is smaller."""
    network, card = load_checkpoint(path)
    if card.network == config.network:
        return network
    if config.joint.keep_of_start:
        raise ConfigError(
            f"joint.keep_of_start: {path} holds another network than the config describes, and only equals can be "
            "blended; leave keep_of_start out"
        )
    torch.manual_seed(config.seed)
    return grow(network, config.network)


def require_inputs(config: TrainingConfig) -> None:
    """ConfigError or WeightsError where photographs of the recipe are neither in its folder nor where the config says,
    or others are in its folder, or a network that it names can't be used."""
    require_photos(config.photos, _cache(config))
    _require_validation_photos(config)
    for teacher in (config.label.teacher, config.joint.teacher):
        if teacher is not None:
            load_checkpoint(teacher)
    if config.joint.start is not None:
        fitting_start(config, config.joint.start)
    require_share(config, config.label.rounds)
    require_start(config)


def require_share(config: TrainingConfig, number: int) -> None:
    """ConfigError where weights of a round can't ship with a share of ``joint.start``."""
    if config.joint.keep_of_start and number > 1:
        raise ConfigError(
            "joint.keep_of_start: round 2 begins with round 1's network, not with joint.start; leave it out, or say "
            "--set label.rounds=1"
        )


def require_start(config: TrainingConfig) -> None:
    """ConfigError where round 1 began from another checkpoint than ``joint.start``, as far as its own tells: files may
    lie elsewhere by now."""
    path = joint_folder(config, 1) / LAST
    about = load_checkpoint_state(path).get("about") if path.exists() else None
    if not about:
        return
    begun, start = about["config"]["joint"]["start"], config.joint.start
    if (begun and Path(begun).name) != (start and start.name):
        raise ConfigError(
            f"joint.start: {path.parent} began from {begun or 'no checkpoint'}, found {start or 'none'}; set it as it "
            "was, or choose another folder for this training"
        )


def has_shapes(config: TrainingConfig) -> bool:
    """Whether the shapes are rendered; ConfigError where others are."""
    caches = [config.folder / name for name in SHAPES]
    if not all(cache.exists() for cache in caches):
        return False
    for cache, count in zip(caches, (config.shapes.count, config.shapes.validation), strict=True):
        require_shapes(cache, count, config.shapes.size)
    return True


def magicpoint_folder(config: TrainingConfig) -> Path:
    """Where MagicPoint's checkpoints are."""
    return config.folder / "magicpoint"


def labels_folder(config: TrainingConfig, number: int) -> Path:
    """Where the labels of a round are."""
    return config.folder / f"labels_{number}"


def label_files(config: TrainingConfig, number: int) -> dict[Path, int]:
    """The files of labels of a round, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in shards_in(labels_folder(config, number))}


def count_labelled(config: TrainingConfig, number: int) -> int:
    """How many photographs have labels of a round."""
    return len(load_labels(labels_folder(config, number))[0])


def joint_folder(config: TrainingConfig, number: int) -> Path:
    """Where the checkpoints of the joint training of a round are."""
    return config.folder / f"joint_{number}"


def load_last(config: TrainingConfig, folder: Path) -> tuple[SuperPoint, dict[str, Any]]:
    """The network as the last checkpoint of a stage left it, batch norm included, and all that this holds."""
    path = folder / LAST
    if not path.exists():
        raise ConfigError(f"{path}: not found; run the stage before this one first")
    network, state = SuperPoint(config.network, norm=True), load_checkpoint_state(path)
    load_weights(network, state, path)
    if (progress := state.get("progress", 1)) < 1:
        logger.warning("%s: has come to %.0f %% of its training only", path, 100 * progress)
    return network, state


def training_photos(config: TrainingConfig) -> Tensor:
    """All photographs to learn from, (N,H,W) uint8: those that were given to be labelled, where some were."""
    cache = _cache(config)
    return load_photos(() if cache.exists() else config.photos, config.photo_size, cache)


def validation_photos(config: TrainingConfig) -> Tensor:
    """The held-out photographs; the last of those to learn from where the config names none."""
    if _names_others(config):
        paths = () if config.validation_photos is None else (config.validation_photos,)
        return load_photos(paths, config.photo_size, _validation_cache(config))[: config.validation_count]
    photos = training_photos(config)
    return photos[-max(1, _held_out(config, len(photos))) :]


def _names_others(config: TrainingConfig) -> bool:
    """Whether there are photographs to validate with alone: by the config, or in the folder since it named some."""
    return config.validation_photos is not None or _validation_cache(config).exists()


def _held_out(config: TrainingConfig, count: int) -> int:
    """How many of the photographs, the last ones, are validated with instead of learned from."""
    if _names_others(config) or count < 2:
        return 0
    return min(config.validation_count, max(1, round(HELD_OUT * count)))


def _require_validation_photos(config: TrainingConfig) -> None:
    path, cache = config.validation_photos, _validation_cache(config)
    if path is None:
        return
    if not cache.exists() and not path.exists():
        raise ConfigError(
            f"{path}: does not exist; expected a folder or a tar of photographs to validate with; to hold out the "
            "last of those to learn from say --set validation_photos=null"
        )
    require_photos((path,), cache)


def _cache(config: TrainingConfig) -> Path:
    return config.folder / "photos.pt"


def _validation_cache(config: TrainingConfig) -> Path:
    return config.folder / "validation_photos.pt"
