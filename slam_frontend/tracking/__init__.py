"""Locating views in the map; nothing here changes it."""

from slam_frontend.tracking.depth import DepthSource, create_depth_source
from slam_frontend.tracking.early_views import EarlyViews
from slam_frontend.tracking.initializer import Initializer
from slam_frontend.tracking.tracker import Tracker

__all__ = ["DepthSource", "EarlyViews", "Initializer", "Tracker", "create_depth_source"]
