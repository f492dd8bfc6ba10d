"""Repeatability, matching and homographies on photographs that no weights have seen."""

import logging
from collections.abc import Iterator
from pathlib import Path

from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.progress import note
from slam_frontend.config import ExtractorConfig
from slam_frontend.evaluation.features import HEADINGS, FeatureScores, PairSource, evaluate_extractor
from slam_frontend.evaluation.homography import HomographyProtocol
from slam_frontend.evaluation.pairs import ImagePair
from slam_frontend.evaluation.warps import warp_pairs
from slam_frontend.features import create_extractor
from slam_frontend.photos import read_photos

logger = logging.getLogger(__name__)

PHOTOS = "photos/val.tar"
SEEDS = 0, 1, 2  # one warp of each photograph moves a homography's share by .03 from draw to draw


def measure_quality(data: Path, contenders: dict[str, ExtractorConfig]) -> dict[str, FeatureScores]:
    """The scores of every extractor on three random warps of each photograph; nothing where there are none."""
    if not (data / PHOTOS).exists():
        logger.warning("%s: no photographs; expected %s", data, PHOTOS)
        return {}
    scores = {}
    for spec, config in contenders.items():
        note(f"photographs with {spec}")
        extractor = create_extractor(config.model_copy(update={"max_keypoints": HomographyProtocol().num_points}))
        scores[spec] = evaluate_extractor(spec, extractor, _pairs(data / PHOTOS))[-1]
    return scores


def quality_section(scores: dict[str, FeatureScores]) -> str:
    """The scores as a table."""
    rows = [[spec, *(f"{getattr(row, name):.3f}" for name in HEADINGS)] for spec, row in scores.items()]
    count = max(row.num_pairs for row in scores.values())
    legend = (
        f"{count} pairs: each photograph with {len(SEEDS)} random warps, as `slam-frontend evaluate features` "
        f"with the seeds {', '.join(map(str, SEEDS))}."
    )
    return "\n".join([table(["features", *HEADINGS.values()], rows), "", legend])


def _pairs(path: Path) -> PairSource:
    def pairs(size: tuple[int, int]) -> Iterator[ImagePair]:
        for seed in SEEDS:
            yield from warp_pairs(read_photos(path), size, seed)

    return pairs
