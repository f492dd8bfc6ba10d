"""Which keypoint is which: by descriptors alone, or around projections."""

from slam_frontend.matching.base import Matcher, create_matcher
from slam_frontend.matching.guided import match_projections

__all__ = ["Matcher", "create_matcher", "match_projections"]
