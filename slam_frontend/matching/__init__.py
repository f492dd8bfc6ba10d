"""Which keypoint is which: by descriptors alone, or around projections."""

from slam_frontend.matching.base import Matcher, create_matcher
from slam_frontend.matching.guided import GuidedMatcher, match_projections

__all__ = ["GuidedMatcher", "Matcher", "create_matcher", "match_projections"]
