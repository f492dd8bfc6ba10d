"""What an extractor is to the rest of the package."""

from typing import Protocol

from slam_frontend.types import Array, Features, Norm


class Extractor(Protocol):
    """Finds and describes keypoints."""

    name: str
    norm: Norm

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first, at most ``max_keypoints``."""
        ...
