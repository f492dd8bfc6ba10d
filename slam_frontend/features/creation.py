"""Which extractor a name means."""

from typing import Any

from slam_frontend.config import ExtractorConfig, parse_config
from slam_frontend.features.base import Extractor
from slam_frontend.features.binary import to_binary
from slam_frontend.features.process import ExtractorProcess, count_cores
from slam_frontend.features.superpoint import LEARNED, shipped_weights
from slam_frontend.models.runtime import choose, has_gpu
from slam_frontend.registry import extractors

BINARY = "binary-"  # before the name of any extractor: the same with its descriptors as bits


def create_extractor(config: ExtractorConfig | dict[str, Any] | str) -> Extractor:
    """The extractor that a config section or ``name[:precision][=weights]`` names; ConfigError or PluginError where
    there is none."""
    if not isinstance(config, ExtractorConfig):
        settings = parse_features(config) if isinstance(config, str) else config
        config = parse_config(ExtractorConfig, settings, source="extractor")
    if config.own_process:
        return ExtractorProcess(create_extractor, config.model_copy(update={"own_process": False}))
    extractor: Extractor = extractors.resolve(config.name.removeprefix(BINARY))(_without_prefix(config))
    return to_binary(extractor) if config.name.startswith(BINARY) else extractor


def resolve(config: ExtractorConfig) -> ExtractorConfig:
    """The config with what ``auto`` stands for on this machine; that of an extractor without a network as it is."""
    name = config.name.removeprefix(BINARY)
    if name not in LEARNED:
        return config
    runtime, precision = choose(config.runtime, config.precision, config.weights or shipped_weights(name))
    return config.model_copy(update={"runtime": runtime, "precision": precision})


def suggest_features() -> str:
    """What a run takes when nobody says: the full network on a GPU, the small one on a CPU."""
    return "superpoint" if has_gpu() else "superpoint-fast"


def beside_tracking(config: ExtractorConfig) -> ExtractorConfig:
    """The config for tracking, in a process of its own unless it says otherwise or there is one core only."""
    wanted = config.own_process is not False and count_cores() > 1
    return config.for_tracking().model_copy(update={"own_process": wanted})


def parse_features(text: str) -> dict[str, Any]:
    """The settings in ``name[:precision][=weights]``, as in ``superpoint-fast:int8`` or ``superpoint=best.pt``."""
    described, _, weights = text.partition("=")
    name, _, precision = described.partition(":")
    settings = {"name": name, "precision": precision, "weights": weights}
    return {key: value for key, value in settings.items() if value}


def _without_prefix(config: ExtractorConfig) -> ExtractorConfig:
    return config.model_copy(update={"name": config.name.removeprefix(BINARY)})
