"""The map, and the mapper: the only code that changes it."""

from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.mapping.mapper import Mapper
from slam_frontend.mapping.search import LandmarkSearch, VisibleLandmarks

__all__ = ["LandmarkSearch", "LocalMap", "Mapper", "VisibleLandmarks"]
