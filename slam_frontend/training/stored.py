"""What training has stored, read back."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slam_frontend.errors import ConfigError
from slam_frontend.models.superpoint import SuperPoint

OF_A_CHECKPOINT = "put a copy of best.pt in its place, or delete it and run its stage again"
OF_SHAPES = "delete it and run `slam-frontend train shapes` again"
OF_LABELS = "delete it and run `slam-frontend train label` again, which makes what is missing"


def load_checkpoint_state(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """All that a stage's checkpoint holds, or ConfigError."""
    state: dict[str, Any] = load_stored(path, OF_A_CHECKPOINT, device, entries=("network", "optimizer", "step"))
    return state


def changed_settings(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Each setting that was another, as ``key=value (now value)``."""
    changed = []
    for key in before.keys() & now.keys():
        was, is_now = before[key], now[key]
        if isinstance(was, dict) and isinstance(is_now, dict):
            changed += changed_settings(was, is_now, f"{prefix}{key}.")
        elif was != is_now:
            changed.append(f"{prefix}{key}={was} (now {is_now})")
    return sorted(changed)


def load_weights(network: SuperPoint, state: dict[str, Any], path: Path) -> None:
    """Put the weights of a checkpoint into a network; ConfigError where they are another's."""
    try:
        network.load_state_dict(state["network"])
    except RuntimeError as error:
        raise ConfigError(
            f"{path}: is of another network than the config's; set network as it was, or choose another folder"
        ) from error


def load_stored(
    path: Path,
    remedy: str,
    device: torch.device | str = "cpu",
    mmap: bool = False,
    entries: tuple[str, ...] = (),
) -> Any:
    """The tensor of a file, or a dictionary with these entries; ConfigError with what to do where it holds none. With
    ``mmap`` tensors stay there until they are used."""
    try:
        stored = torch.load(path, map_location=device, weights_only=True, mmap=mmap)
    except PermissionError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from error
    except Exception as error:  # torch stumbles over some byte of what is no checkpoint, in many ways
        raise ConfigError(f"{path}: is empty or damaged; {remedy}") from error
    is_right = isinstance(stored, dict) and stored.keys() >= set(entries) if entries else isinstance(stored, Tensor)
    if not is_right:
        raise ConfigError(f"{path}: holds something else than its name says; {remedy}")
    return stored
