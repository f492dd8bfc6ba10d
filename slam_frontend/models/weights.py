"""Checkpoints that ship: a network's parameters and the card that tells where they come from."""

from pathlib import Path
from typing import Any

import torch

from slam_frontend.errors import WeightsError
from slam_frontend.files import write_atomically
from slam_frontend.models.card import Card, parse_card
from slam_frontend.models.network_config import PAPER
from slam_frontend.models.superpoint import SuperPoint, fold


def save_checkpoint(path: Path, network: SuperPoint, card: Card) -> None:
    """Write the folded network and its card as one file, and the card beside it as JSON; a graph of what was there
    before goes, for runtimes would take it."""
    state = {name: value.cpu() for name, value in fold(network).state_dict().items()}
    content = {"card": card.model_dump_json(), "network": state}
    path.with_suffix(".onnx").unlink(missing_ok=True)
    write_atomically(path, lambda file: torch.save(content, file))
    write_atomically(path.with_suffix(".json"), card.model_dump_json(indent=2) + "\n")


def load_checkpoint(path: Path) -> tuple[SuperPoint, Card]:
    """The network of a checkpoint, or of a plain state dict with the published layer names, ready to run."""
    content = _read(path)
    if "network" in content and "card" in content:
        card, state = parse_card(content["card"], source=str(path)), content["network"]
    else:
        card, state = Card(name=path.stem, network=PAPER), content
    network = SuperPoint(card.network)
    try:
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise WeightsError(f"{path}: {_explain(network, state)}; is it a checkpoint of another network?") from error
    return network.eval(), card


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror}); give an existing checkpoint") from error
    except Exception as error:  # torch stumbles over some byte of what is no checkpoint, in many ways
        raise WeightsError(f"{path}: is damaged or no checkpoint of tensors; download or train it again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a dictionary of tensors, found {type(content).__name__}")
    return content


def _explain(network: SuperPoint, state: object) -> str:
    if not isinstance(state, dict):
        return f"expected tensors by layer name, found {type(state).__name__}"
    for name, tensor in network.state_dict().items():
        if name not in state:
            return f"{name} is missing"
        if tuple(getattr(state[name], "shape", ())) != tuple(tensor.shape):
            return f"{name} should have shape {tuple(tensor.shape)}"
    unknown = sorted(set(state) - set(network.state_dict()))
    return f"{unknown[0]} is unknown" if unknown else "its tensors don't fit"
