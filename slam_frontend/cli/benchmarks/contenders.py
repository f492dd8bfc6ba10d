"""The extractors that are compared, and why some of them are left out."""

from slam_frontend.config import ExtractorConfig, parse_config
from slam_frontend.errors import MissingDependency, WeightsError
from slam_frontend.features import create_extractor, parse_features, resolve

DEFAULT = (
    "orb",
    "sift",
    "fast",
    "superpoint-fast:int8",
    "superpoint-fast:float",
    "superpoint:int8",
    "superpoint:float",
)


def find_contenders(specs: list[str]) -> tuple[dict[str, ExtractorConfig], list[str]]:
    """The config of every extractor that can run here, and a sentence about those that can't."""
    found: dict[str, ExtractorConfig] = {}
    left_out: dict[str, list[str]] = {}  # by reason
    for spec in specs:
        config = parse_config(ExtractorConfig, parse_features(spec), source=spec)
        try:
            create_extractor(config)
        except (WeightsError, MissingDependency) as error:
            left_out.setdefault(str(error), []).append(spec)
        else:
            found[spec] = resolve(config)
    return found, [f"- left out: {', '.join(names)}; {reason}" for reason, names in left_out.items()]
