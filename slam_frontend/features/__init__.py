"""Keypoints and descriptors: learned and classical, behind one call."""

from slam_frontend.features.base import Describer, Extractor, enlarge, extract_at_most
from slam_frontend.features.binary import BinaryExtractor, binarise
from slam_frontend.features.creation import (
    beside_tracking,
    create_extractor,
    parse_features,
    resolve,
    suggest_features,
)
from slam_frontend.features.process import ExtractorProcess, count_cores

__all__ = [
    "BinaryExtractor",
    "Describer",
    "Extractor",
    "ExtractorProcess",
    "beside_tracking",
    "binarise",
    "count_cores",
    "create_extractor",
    "enlarge",
    "extract_at_most",
    "parse_features",
    "resolve",
    "suggest_features",
]
