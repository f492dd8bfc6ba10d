"""Keypoints and descriptors: learned and classical, behind one call."""

from slam_frontend.features.base import Extractor, create_extractor

__all__ = ["Extractor", "create_extractor"]
