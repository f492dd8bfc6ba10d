"""What an extractor is to the rest of the package."""

from typing import Any, Protocol

from slam_frontend.config import ExtractorConfig, parse_config
from slam_frontend.registry import extractors
from slam_frontend.types import Array, Features, Norm


class Extractor(Protocol):
    """Finds and describes keypoints."""

    name: str
    norm: Norm

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        ...


def create_extractor(config: ExtractorConfig | dict[str, Any]) -> Extractor:
    """The extractor that a config section names; ConfigError or PluginError where it names none."""
    if isinstance(config, dict):
        config = parse_config(ExtractorConfig, config, source="extractor")
    extractor: Extractor = extractors.resolve(config.name)(config)
    return extractor
