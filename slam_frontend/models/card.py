"""What a checkpoint tells about itself, readable without torch."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from slam_frontend.config import Section
from slam_frontend.errors import WeightsError
from slam_frontend.models.network_config import PAPER, NetworkConfig


class Card(Section):
    """Where weights come from, how to read their heatmap, and what they reached."""

    name: str
    network: NetworkConfig = PAPER
    threshold: float = Field(default=0.003, gt=0, lt=1)  # weak points do where no strong ones are; the paper used 0.015
    sharpen: bool = False  # place keypoints by the image's structure, see decode.sharpen
    version: str = ""
    licence: str = ""
    data: str = ""
    seed: int | None = None
    step: int | None = None
    commit: str = ""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)  # of the training, whole
    notes: str = ""


def parse_card(text: object, source: str) -> Card:
    """The card in a JSON text, or WeightsError."""
    try:
        return Card.model_validate_json(str(text))
    except ValidationError as error:
        raise WeightsError(f"{source}: its card can't be read ({error.errors()[0]['msg']})") from error


def read_card(weights: Path) -> Card:
    """The card beside a checkpoint."""
    path = weights.with_suffix(".json")
    if not path.exists():
        raise WeightsError(f"{path}: not found; a checkpoint without its card runs with runtime: torch")
    return parse_card(path.read_text("utf-8-sig", errors="replace"), source=str(path))
