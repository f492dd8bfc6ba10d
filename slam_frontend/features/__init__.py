"""Keypoints and descriptors: learned and classical, behind one call."""

from slam_frontend.features.base import Extractor
from slam_frontend.features.binary import BinaryExtractor, binarise
from slam_frontend.features.creation import create_extractor, parse_features, resolve

__all__ = ["BinaryExtractor", "Extractor", "binarise", "create_extractor", "parse_features", "resolve"]
