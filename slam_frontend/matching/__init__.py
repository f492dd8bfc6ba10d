"""Which keypoint is which: by descriptors alone, or around projections."""

from slam_frontend.matching.base import Matcher, create_matcher

__all__ = ["Matcher", "create_matcher"]
