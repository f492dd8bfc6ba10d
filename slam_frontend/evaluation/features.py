"""Extractors judged side by side on pairs of images: detection, description and the homography they give."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from slam_frontend.evaluation.homography import HomographyProtocol, Matching, measure_matching
from slam_frontend.evaluation.pairs import ImagePair
from slam_frontend.evaluation.points import Detector, ScoredPoints
from slam_frontend.evaluation.repeatability import Repeatability, RepeatabilityProtocol, measure_repeatability
from slam_frontend.features import Extractor
from slam_frontend.types import Array

PairSource = Callable[[tuple[int, int]], Iterator[ImagePair]]  # the pairs at (height, width), the same ones every time


@dataclass(frozen=True)
class FeatureScores:
    """The paper's columns for one extractor on one split; NaN for what a detector without descriptors can't do."""

    extractor: str
    split: str
    num_pairs: int
    repeatability: float
    localisation_error: float
    nn_map: float = np.nan
    matching_score: float = np.nan
    precision: float = np.nan
    homography_1px: float = np.nan
    homography_3px: float = np.nan
    homography_5px: float = np.nan


HEADINGS = {
    "repeatability": "rep.",
    "localisation_error": "loc. err.",
    "nn_map": "NN mAP",
    "matching_score": "match. score",
    "precision": "match. prec.",
    "homography_1px": "hom. 1 px",
    "homography_3px": "hom. 3 px",
    "homography_5px": "hom. 5 px",
}


def as_detector(extractor: Extractor) -> Detector:
    """The keypoints of an extractor with their scores."""

    def detect(image: Array) -> ScoredPoints:
        features = extractor.extract(image)
        return ScoredPoints(features.keypoints, features.scores)

    return detect


def evaluate_extractor(name: str, extractor: Extractor, pairs: PairSource) -> list[FeatureScores]:
    """The scores of an extractor on every split, and on all pairs if there are several splits."""
    detect, small, large = as_detector(extractor), RepeatabilityProtocol(), HomographyProtocol()
    found = [(pair.split, measure_repeatability(detect, pair, small)) for pair in pairs(small.size)]
    matched = [measure_matching(extractor, pair, large) for pair in pairs(large.size)]
    return [
        FeatureScores(
            name,
            split,
            len(rows),
            **_summary_of_points([found[row][1] for row in rows]),
            **_summary_of_matching([matched[row] for row in rows]),
        )
        for split, rows in _by_split([split for split, _ in found])
    ]


def evaluate_detector(name: str, detect: Detector, pairs: PairSource) -> list[FeatureScores]:
    """The scores of what detects without describing."""
    protocol = RepeatabilityProtocol()
    found = [(pair.split, measure_repeatability(detect, pair, protocol)) for pair in pairs(protocol.size)]
    return [
        FeatureScores(name, split, len(rows), **_summary_of_points([found[row][1] for row in rows]))
        for split, rows in _by_split([split for split, _ in found])
    ]


def _by_split(splits: list[str]) -> Iterator[tuple[str, list[int]]]:
    names = sorted(set(splits))
    for name in names:
        yield name, [row for row, split in enumerate(splits) if split == name]
    if len(names) > 1:
        yield "all", list(range(len(splits)))


def _summary_of_points(pairs: list[Repeatability]) -> dict[str, float]:
    return {
        "repeatability": _mean(pair.repeatability for pair in pairs),
        "localisation_error": _mean(pair.localisation_error for pair in pairs),
    }


def _summary_of_matching(pairs: list[Matching]) -> dict[str, float]:
    errors = np.array([pair.corner_error for pair in pairs])
    return {
        "nn_map": _mean(pair.nn_map for pair in pairs),
        "matching_score": _mean(pair.matching_score for pair in pairs),
        "precision": _mean(pair.precision for pair in pairs),
        **{f"homography_{limit}px": float((errors <= limit).mean()) for limit in (1, 3, 5)},
    }


def _mean(values: Iterable[float]) -> float:
    """The mean of what could be measured."""
    known = np.array(list(values))
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else np.nan
