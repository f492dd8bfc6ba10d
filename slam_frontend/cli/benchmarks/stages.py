"""What a frame costs besides its features: one frame after the other, where no stage waits for another one."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slam_frontend.cli.benchmarks.clips import CLIPS, open_clip
from slam_frontend.cli.benchmarks.page import table
from slam_frontend.cli.progress import note
from slam_frontend.config import ExtractorConfig
from slam_frontend.summary import StageTime, stage_times
from slam_frontend.threads import shared_cores

logger = logging.getLogger(__name__)

CLIP = CLIPS[0]
STAGES = ["depth", "track", "map", "all but extract"]


@dataclass(frozen=True)
class Stages:
    """The times of one extractor's frames."""

    num_keypoints: float  # median
    times: dict[str, StageTime]


def measure_stages(data: Path, contenders: dict[str, ExtractorConfig]) -> dict[str, Stages]:
    """All extractors on one clip, each frame through the frontend alone; nothing where the clip isn't there."""
    if not (data / CLIP.path).exists():
        logger.warning("%s: no clip to time the stages on; expected %s", data, CLIP.path)
        return {}
    return {spec: _measure(data, spec, config) for spec, config in contenders.items()}


def stages_section(stages: dict[str, Stages]) -> str:
    """The times as a table."""
    headings = ["features", "keypoints", *(f"ms {stage}" for stage in STAGES), "95th percentile"]
    rows = [
        [
            spec,
            f"{row.num_keypoints:.0f}",
            *(f"{row.times[stage].median:.1f}" for stage in STAGES),
            f"{row.times['all but extract'].p95:.1f}",
        ]
        for spec, row in stages.items()
    ]
    legend = (
        f"{CLIP.name}, medians: a frame goes through the frontend before the next one is read. In a whole run, as "
        "under Clips, the stages of several frames share the cores, and a stage's time has its waiting in it."
    )
    return "\n".join([table(headings, rows), "", legend])


def _measure(data: Path, spec: str, extractor: ExtractorConfig) -> Stages:
    note(f"stages with {spec}")
    sequence, frontend = open_clip(data, CLIP, extractor)
    with shared_cores():
        counts = [len(frontend.process(frame).view.keypoints) for frame in sequence]
        frontend.finish()
    milliseconds = {name: np.array(ms) for name, ms in frontend.clock.milliseconds.items()}
    return Stages(float(np.median(counts)), stage_times(milliseconds))
