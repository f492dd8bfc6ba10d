"""What training has stored, read back."""

from pathlib import Path
from typing import Any

import torch

from slam_frontend.errors import ConfigError

OF_A_CHECKPOINT = "put a copy of best.pt in its place, or delete it and run its stage again"
OF_LABELS = "delete it and run `slam-frontend train label` again, which makes what is missing"


def load_stored(
    path: Path, remedy: str = OF_A_CHECKPOINT, device: torch.device | str = "cpu", mmap: bool = False
) -> Any:
    """The tensors of a file, or ConfigError with what to do where it is damaged; with ``mmap`` they stay there until
    they are used."""
    try:
        return torch.load(path, map_location=device, weights_only=True, mmap=mmap)
    except PermissionError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from error
    except Exception as error:  # torch stumbles over some byte of what is no checkpoint, in many ways
        raise ConfigError(f"{path}: is empty or damaged; {remedy}") from error
