"""What extractors find in an image, and in common in two, side by side."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from slam_frontend.optional import require
from slam_frontend.types import Array, Features, Matches
from slam_frontend.viz.palette import BLUE, ORANGE, VERMILION
from slam_frontend.viz.panels import Sheet, best_grid, new_sheet, show_picture

# Inliers and outliers differ in their dashes as well.
INLIER, OUTLIER, ALONE = BLUE, VERMILION, ORANGE
POINT_SIZE = 5.0  # of a marker, in points, for a keypoint of the finest scale
MAX_POINT_SIZE = 24.0


@dataclass(frozen=True)
class Found:
    """What an extractor sees in one image."""

    name: str
    features: Features


@dataclass(frozen=True)
class Matched:
    """What an extractor sees in two images, and which of the matches fit one rigid scene."""

    name: str
    features0: Features
    features1: Features
    matches: Matches
    is_inlier: Array  # (M,) bool

    @property
    def num_inliers(self) -> int:
        """Matches that fit."""
        return int(self.is_inlier.sum())


def draw_features(title: str, image: Array, found: list[Found], width: int) -> bytes:
    """A PNG: the keypoints of each extractor on the (H,W) image, as large as their scale."""
    aspect = image.shape[1] / image.shape[0]
    _, columns = best_grid(len(found), [aspect])
    sheet = new_sheet(title, columns, math.ceil(len(found) / columns), aspect, width)
    for panel, one in zip(sheet.panels, found, strict=False):
        show_picture(panel, image, one.name, f"{len(one.features)} keypoints")
        _draw_keypoints(panel, one.features, INLIER)
    _legend(sheet, [_dot(INLIER, "keypoint; as large as its scale")])
    return sheet.to_png()


def draw_matches(title: str, image0: Array, image1: Array, found: list[Matched], width: int) -> bytes:
    """A PNG: two (H,W) images, one below or beside the other, with the matches of each extractor."""
    arrangements = [_Pair(image0, image1, is_stacked) for is_stacked in (True, False)]
    way, columns = best_grid(len(found), [pair.aspect for pair in arrangements])
    pair = arrangements[way]
    sheet = new_sheet(title, columns, math.ceil(len(found) / columns), pair.aspect, width, above=0.7)
    for panel, one in zip(sheet.panels, found, strict=False):
        show_picture(panel, pair.canvas, one.name, _count(one))
        _draw_matches(panel, one, pair.shift)
    marks = [_line(INLIER, "-", "inlier: fits one rigid scene"), _line(OUTLIER, "--", "outlier")]
    _legend(sheet, [*marks, _dot(ALONE, "keypoint without a match")])
    return sheet.to_png()


class _Pair:
    """Two images on one canvas."""

    GAP = 6  # pixels of white between them

    def __init__(self, image0: Array, image1: Array, is_stacked: bool) -> None:
        (height0, width0), (height1, width1) = image0.shape, image1.shape
        top, left = (height0 + self.GAP, 0) if is_stacked else (0, width0 + self.GAP)
        self.shift = np.array([left, top])  # of the second image
        self.canvas = np.full((max(height0, top + height1), max(width0, left + width1)), 255, np.uint8)
        self.canvas[:height0, :width0] = image0
        self.canvas[top : top + height1, left : left + width1] = image1
        self.aspect = self.canvas.shape[1] / self.canvas.shape[0]


def _draw_matches(panel: Any, one: Matched, shift: Array) -> None:
    collections = require("matplotlib.collections", extra="viewer")
    ends = one.features0.keypoints, one.features1.keypoints + shift
    for points, rows in zip(ends, one.matches.indices.T, strict=True):
        alone = np.delete(points, rows, axis=0)
        panel.plot(*alone.T, ".", color=ALONE, markersize=2.5, markeredgewidth=0)
    lines = np.stack([points[rows] for points, rows in zip(ends, one.matches.indices.T, strict=True)], 1)  # (M,2,2)
    for rows, colour, dashes, strength in ((one.is_inlier, INLIER, "-", 0.6), (~one.is_inlier, OUTLIER, "--", 0.95)):
        panel.add_collection(
            collections.LineCollection(lines[rows], linewidths=0.8, colors=colour, linestyles=dashes, alpha=strength)
        )
        panel.plot(*lines[rows].reshape(-1, 2).T, ".", color=colour, markersize=3, markeredgewidth=0)


def _draw_keypoints(panel: Any, features: Features, colour: str) -> None:
    sizes = np.minimum(POINT_SIZE * features.scales, MAX_POINT_SIZE) ** 2
    panel.scatter(*features.keypoints.T, s=sizes, facecolors="none", edgecolors="white", linewidths=1.8, alpha=0.6)
    panel.scatter(*features.keypoints.T, s=sizes, facecolors="none", edgecolors=colour, linewidths=0.9)


def _count(one: Matched) -> str:
    share = f" ({100 * one.num_inliers / len(one.matches):.0f} %)" if len(one.matches) else ""
    outliers = len(one.matches) - one.num_inliers
    keypoints = f"{len(one.features0)} + {len(one.features1)} keypoints, {len(one.matches)} matches:"
    return f"{keypoints}\n{one.num_inliers} inliers{share}, {outliers} outliers"


def _legend(sheet: Sheet, handles: list[Any]) -> None:
    sheet.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _line(colour: str, dashes: str, label: str) -> Any:
    lines = require("matplotlib.lines", extra="viewer")
    return lines.Line2D([], [], color=colour, linestyle=dashes, marker=".", markersize=5, label=label)


def _dot(colour: str, label: str) -> Any:
    lines = require("matplotlib.lines", extra="viewer")
    return lines.Line2D([], [], color=colour, linestyle="", marker="o", markerfacecolor="none", label=label)
