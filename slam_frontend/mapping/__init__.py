"""The map, and the mapper: the only code that changes it."""

from slam_frontend.mapping.bundle_adjustment import BundleProblem, adjust, errors_of
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.mapping.mapper import Mapper
from slam_frontend.mapping.search import LandmarkSearch, VisibleLandmarks

__all__ = [
    "BundleProblem",
    "LandmarkSearch",
    "LocalMap",
    "Mapper",
    "VisibleLandmarks",
    "adjust",
    "errors_of",
]
