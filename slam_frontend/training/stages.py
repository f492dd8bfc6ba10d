"""The recipe, a function of the config per section of the paper; each picks up where it was killed."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from slam_frontend.errors import ConfigError
from slam_frontend.models.growth import grow
from slam_frontend.models.superpoint import SuperPoint, unfold
from slam_frontend.models.weights import load_checkpoint
from slam_frontend.training.adaptation import label_photos
from slam_frontend.training.config import TrainingConfig
from slam_frontend.training.datasets import load_labels, load_photos, load_shapes
from slam_frontend.training.engine import create_engine
from slam_frontend.training.joint import JointTask
from slam_frontend.training.loop import LAST, Loop, Watch
from slam_frontend.training.magicpoint import MagicPointTask
from slam_frontend.training.sources import require_labels_of, require_photos
from slam_frontend.training.stored import load_stored

SHAPES = ("shapes.pt", "shapes_validation.pt")  # to learn from, to validate with
CALIBRATION = 64  # photographs that batch norm takes its first statistics from
Count = Callable[[int, int], None]  # photographs labelled now, photographs in all


def magicpoint(config: TrainingConfig, watch: Watch | None = None, minutes: float | None = None) -> bool:
    """Section 4: the detector on synthetic shapes; True when it is done."""
    engine = create_engine(config.device, config.precision)
    shapes, validation = (load_shapes(config.folder / name) for name in SHAPES)
    task = MagicPointTask(shapes, validation, config.magicpoint, engine)
    torch.manual_seed(config.seed)
    network = SuperPoint(config.network, norm=True)
    loop = Loop(network, task, config.magicpoint.loop, engine, magicpoint_folder(config), config.seed)
    return loop.run(watch, minutes)


def label(config: TrainingConfig, number: int = 1, count: Count | None = None) -> None:
    """Section 5: homographic adaptation of the photographs, by MagicPoint or, in round 2, by the joint network."""
    engine = create_engine(config.device, config.precision)
    photos = load_photos(config.photos, config.photo_size, _cache(config))
    network, folder = _teacher(config, number), labels_folder(config, number)
    require_labels_of(_cache(config), folder)
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
) -> bool:
    """Section 3.4 and 6: detector and descriptor on warped pairs, from the teacher's weights; True when done.
    ``labels_of`` takes another round's labels, for a network that relabels while it learns."""
    _require_validation_photos(config)
    engine = create_engine(config.device, config.precision)
    labels_round = labels_of or number
    rows, labels = load_labels(labels_folder(config, labels_round))
    if labels_round < config.joint.confidence_from_round:
        labels[..., 2] = 1
    photos, validation = training_photos(config), validation_photos(config)
    require_labels_of(_cache(config), labels_folder(config, labels_round))
    task = JointTask(photos[rows], labels, validation, config.joint, engine, config.sharpen)
    network = _beginner(config, number)
    loop = Loop(network, task, config.joint.loop, engine, joint_folder(config, number), config.seed)
    return loop.run(watch, minutes)


def _teacher(config: TrainingConfig, number: int) -> SuperPoint:
    """Who labels the photographs in a round."""
    if number > 1:
        return load_network(config, joint_folder(config, number - 1))
    if config.label.teacher is not None:
        return load_checkpoint(config.label.teacher)[0]
    return load_network(config, magicpoint_folder(config))


def _beginner(config: TrainingConfig, number: int) -> SuperPoint:
    """What the joint training of a round starts from."""
    if number > 1:
        return load_network(config, joint_folder(config, number - 1))
    if config.joint.start is not None:
        start = _fitting_start(config, config.joint.start)
        return unfold(start, training_photos(config)[:CALIBRATION, None].float() / 255)
    if config.label.teacher is not None and not (magicpoint_folder(config) / LAST).exists():
        torch.manual_seed(config.seed)
        return SuperPoint(config.network, norm=True)
    return load_network(config, magicpoint_folder(config))


def _fitting_start(config: TrainingConfig, path: Path) -> SuperPoint:
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


def require_all_photos(config: TrainingConfig) -> None:
    """ConfigError where photographs of the recipe are neither in its folder nor where the config says, or others are
    in its folder."""
    require_photos(config.photos, _cache(config))
    _require_validation_photos(config)


def has_shapes(config: TrainingConfig) -> bool:
    """Whether the shapes are rendered."""
    return all((config.folder / name).exists() for name in SHAPES)


def magicpoint_folder(config: TrainingConfig) -> Path:
    """Where MagicPoint's checkpoints are."""
    return config.folder / "magicpoint"


def labels_folder(config: TrainingConfig, number: int) -> Path:
    """Where the labels of a round are."""
    return config.folder / f"labels_{number}"


def label_files(config: TrainingConfig, number: int) -> dict[Path, int]:
    """The files of labels of a round, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in labels_folder(config, number).glob("shard_*.pt")}


def joint_folder(config: TrainingConfig, number: int) -> Path:
    """Where the checkpoints of the joint training of a round are."""
    return config.folder / f"joint_{number}"


def load_network(config: TrainingConfig, folder: Path) -> SuperPoint:
    """The network as its last checkpoint left it, batch norm included."""
    path = folder / LAST
    if not path.exists():
        raise ConfigError(f"{path}: not found; run the stage before this one first")
    network = SuperPoint(config.network, norm=True)
    network.load_state_dict(load_stored(path)["network"])
    return network


def training_photos(config: TrainingConfig) -> Tensor:
    """All photographs to learn from, (N,H,W) uint8: those that were given to be labelled, where some were."""
    cache = _cache(config)
    return load_photos(() if cache.exists() else config.photos, config.photo_size, cache)


def validation_photos(config: TrainingConfig) -> Tensor:
    """The held-out photographs; the last of the training ones where the config names none."""
    if config.validation_photos is None:
        return training_photos(config)[-config.validation_count :]
    photos = load_photos((config.validation_photos,), config.photo_size, _validation_cache(config))
    return photos[: config.validation_count]


def _require_validation_photos(config: TrainingConfig) -> None:
    path, cache = config.validation_photos, _validation_cache(config)
    if path is None:
        return
    if not cache.exists() and not path.exists():
        raise ConfigError(
            f"{path}: does not exist; expected a folder or a tar of photographs to validate with; to take the last of "
            "the training ones say --set validation_photos=null"
        )
    require_photos((path,), cache)


def _cache(config: TrainingConfig) -> Path:
    return config.folder / "photos.pt"


def _validation_cache(config: TrainingConfig) -> Path:
    return config.folder / "validation_photos.pt"
