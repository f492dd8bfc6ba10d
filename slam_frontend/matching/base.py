"""What a matcher is to the rest of the package."""

from typing import Any, Protocol

from slam_frontend.config import MatcherConfig, parse_config
from slam_frontend.registry import matchers
from slam_frontend.types import Features, Matches


class Matcher(Protocol):
    """Pairs the features of two images."""

    def match(self, features0: Features, features1: Features) -> Matches:
        """One-to-one matches, in the order of their rows in ``features0``."""
        ...


def create_matcher(config: MatcherConfig | dict[str, Any] | str) -> Matcher:
    """The matcher of that name or that a config section names; ConfigError or PluginError where it names none."""
    if not isinstance(config, MatcherConfig):
        settings = {"name": config} if isinstance(config, str) else config
        config = parse_config(MatcherConfig, settings, source="matcher")
    matcher: Matcher = matchers.resolve(config.name)(config)
    return matcher
