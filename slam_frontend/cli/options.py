"""Options that several commands have in common."""

import json
from pathlib import Path
from typing import Annotated

import typer

RUNS = Path("runs")  # where results go that nobody gave a folder for

NAMES = "superpoint-fast, superpoint, orb, sift, fast or binary-NAME; :int8, :float and =WEIGHTS may follow."
Features = Annotated[str | None, typer.Option(help=NAMES, show_default="superpoint-fast")]

Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of everything that is random.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, for other programs.")]


def split_names(text: str) -> list[str]:
    """The names in a text with commas, without the spaces around them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def extractor_overrides(features: str | None) -> list[str]:
    """What ``--features`` says, as overrides of a config: in quotes, for 123 and "a: b" are paths too."""
    from slam_frontend.features import parse_features

    settings = parse_features(features or "")
    return [f"extractor.{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
