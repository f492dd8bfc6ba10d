"""The drawn frames of a run in a report's page, the worst ones first."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from slam_frontend.evaluation.comparison import ComparedRun
from slam_frontend.types import Array, TrackingState
from slam_frontend.viz.plots import error_unit

MAX_WIDTH, JPEG_QUALITY = 960, 82


@dataclass(frozen=True)
class Drawn:
    """A frame that was drawn, and how it went; NaN is unknown."""

    index: int
    path: Path
    seconds: float = np.nan
    state: str = ""
    inliers: float = np.nan
    expected: float = np.nan
    error: float = np.nan  # metres


def gallery(compared: ComparedRun, limit: int | None = None) -> str:
    """HTML: a picture and a line for each drawn frame, at most so many; those with the fewest landmarks or the largest
    errors come first where the run has a table of frames."""
    drawn = worst_first(list(_drawn_frames(compared)))[:limit]
    fewest = min((frame.inliers for frame in drawn if np.isfinite(frame.inliers)), default=None)
    largest = max((frame.error for frame in drawn if np.isfinite(frame.error)), default=None)
    figures = []
    for frame in drawn:
        badges = ["fewest landmarks"] if frame.inliers == fewest else []
        badges += ["largest error"] if frame.error == largest else []
        figures.append(_figure(frame, badges))
    return f'<div class="frames">{"".join(figures)}</div>'


def worst_first(frames: list[Drawn]) -> list[Drawn]:
    """By the better of two ranks: few landmarks, large error; frames of which neither is known keep their order."""
    rows = [_ranks([frame.inliers for frame in frames]), _ranks([-frame.error for frame in frames])]
    best = np.min(rows, axis=0) if frames else np.empty(0)
    return [frames[row] for row in np.argsort(best, kind="stable")]


def _ranks(badness: list[float]) -> Array:
    """(N,) 0 for the lowest value; what isn't known comes after all that is."""
    values = np.array(badness)
    ranks = np.full(len(values), len(values))
    known = np.flatnonzero(np.isfinite(values))
    ranks[known[np.argsort(values[known], kind="stable")]] = np.arange(len(known))
    return ranks


def _drawn_frames(compared: ComparedRun) -> Iterator[Drawn]:
    table, errors = compared.run.frames, _errors_by_time(compared)
    rows = {} if table is None else {int(index): row for row, index in enumerate(table.indices)}
    for index, path in compared.run.pictures.items():
        row = rows.get(index)
        if table is None or row is None:
            yield Drawn(index, path)
            continue
        has_map = table.num_expected[row] > 0 or table.states[row] == TrackingState.LOST
        yield Drawn(
            index=index,
            path=path,
            seconds=float(table.timestamps[row] - table.timestamps[0]),
            state=str(table.states[row]),
            inliers=float(table.num_inliers[row]) if has_map else np.nan,
            expected=float(table.num_expected[row]),
            error=errors.get(float(table.timestamps[row]), np.nan),
        )


def _errors_by_time(compared: ComparedRun) -> dict[float, float]:
    pair = compared.online.pair
    return {} if pair is None else dict(zip(pair.timestamps.tolist(), pair.errors.tolist(), strict=True))


def _figure(frame: Drawn, badges: list[str]) -> str:
    marks = "".join(f'<span class="badge">{badge}</span>' for badge in badges)
    data = _as_jpeg(frame.path)
    if data is None:
        return f"<figure><figcaption>{marks}{escape(frame.path.name)} can't be decoded</figcaption></figure>"
    image = f'<img alt="frame {frame.index}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
    return f"<figure>{image}<figcaption>{marks}{escape(_caption(frame))}</figcaption></figure>"


def _caption(frame: Drawn) -> str:
    parts = [f"frame {frame.index}"]
    if np.isfinite(frame.seconds):
        parts.append(f"{frame.seconds:.2f} s")
    if frame.state == TrackingState.TRACKING and np.isfinite(frame.inliers):
        parts.append(f"{frame.inliers:.0f} of {frame.expected:.0f} landmarks found")
    elif frame.state:
        parts.append("first view of the map" if frame.state == TrackingState.TRACKING else frame.state)
    if np.isfinite(frame.error):
        unit, per_metre = error_unit(frame.error)
        parts.append(f"{per_metre * frame.error:.3g} {unit} from the truth")
    return " · ".join(parts)


def _as_jpeg(path: Path) -> bytes | None:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if image is None:
        return None
    height, width = image.shape[:2]
    if width > MAX_WIDTH:
        size = (MAX_WIDTH, round(height * MAX_WIDTH / width))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
