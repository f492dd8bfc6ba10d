"""What a detector sees: its heatmap over the image, and how homographic adaptation arrives at points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from slam_frontend.optional import require
from slam_frontend.types import Array
from slam_frontend.viz.palette import BLUE
from slam_frontend.viz.panels import Sheet, new_sheet, show_picture

POINT = BLUE
LOWEST = 0.002  # probability that is still drawn
BACKGROUND = 0.5  # brightness of the image under a heatmap


@dataclass(frozen=True)
class AdaptedView:
    """One of the views that homographic adaptation takes of a photograph."""

    image: Array  # (H,W) uint8, the photograph under a homography
    heatmap: Array  # (H,W) probability of a point, in the view
    back: Array  # (H,W) the same in the photograph, NaN where the view doesn't show it


@dataclass(frozen=True)
class Adaptation:
    """Homographic adaptation (DeTone 2018, section 5), step by step."""

    image: Array  # (H,W) uint8
    views: Sequence[AdaptedView]  # the first few
    means: dict[int, Array]  # (H,W) mean of the heatmaps that were warped back, by how many views
    points: Array  # (K,2) pixels


def draw_heatmap(title: str, image: Array, heatmap: Array, keypoints: Array, threshold: float, width: int) -> bytes:
    """A PNG: the heatmap (H,W) of an image (H,W) uint8, and the keypoints (N,2) that come of it."""
    sheet = new_sheet(title, 2, 1, image.shape[1] / image.shape[0], width, below=1.35)
    left, right = sheet.panels
    norm = _norm([heatmap])
    above = int((heatmap > threshold).sum())
    _show_heatmap(left, image, heatmap, norm, "heatmap", f"{above} pixels above the threshold of {threshold:g}")
    show_picture(right, image, "keypoints", f"{len(keypoints)}: its peaks, at most one within a few pixels")
    _draw_points(right, keypoints, POINT)
    _colour_bar(sheet, norm, threshold)
    return sheet.to_png()


def draw_adaptation(title: str, adaptation: Adaptation, width: int) -> bytes:
    """A PNG: views, their heatmaps, the same warped back, and in the last row the mean of more and more of them."""
    views, means = adaptation.views, adaptation.means
    columns = max(len(views), len(means) + 1)
    sheet = new_sheet(title, columns, 4, adaptation.image.shape[1] / adaptation.image.shape[0], width, 0.3, below=1.35)
    norm = _norm([view.heatmap for view in views] + list(means.values()))
    rows = [sheet.panels[row * columns : (row + 1) * columns] for row in range(4)]
    for number, view in enumerate(views):
        name = f"view {number + 1}"
        show_picture(rows[0][number], view.image, name if number else f"{name}: the photograph itself")
        _show_heatmap(rows[1][number], view.image, view.heatmap, norm, f"{name}: heatmap")
        _show_heatmap(rows[2][number], adaptation.image, view.back, norm, f"{name}: heatmap warped back")
    for panel, (count, mean) in zip(rows[3], means.items(), strict=False):
        _show_heatmap(panel, adaptation.image, mean, norm, f"mean of {count} warped back" if count > 1 else "mean of 1")
    last = rows[3][len(means)]
    show_picture(last, adaptation.image, f"{len(adaptation.points)} points to learn from")
    _draw_points(last, adaptation.points, POINT)
    _colour_bar(sheet, norm)
    return sheet.to_png()


def _norm(heatmaps: list[Array]) -> Any:
    """One logarithmic scale for all: most of a heatmap lies far below its peaks."""
    colors = require("matplotlib.colors", extra="viewer")
    highest = max((float(np.nanmax(heatmap)) for heatmap in heatmaps), default=1.0)
    return colors.LogNorm(LOWEST, max(highest, 10 * LOWEST))


def _show_heatmap(panel: Any, image: Array, heatmap: Array, norm: Any, name: str, caption: str = "") -> None:
    """Colours over a dark image, the more so the more probable a point is; white where nothing is known.

    A peak is a pixel or two wide: each pixel shows the highest value near it, or nobody would see any.
    """
    side = 2 * round(image.shape[1] / 320) + 1
    highest = cv2.dilate(np.nan_to_num(heatmap), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    strength = np.asarray(norm(np.clip(highest, 1.0001 * LOWEST, None)), float)  # 0..1
    colours = _colormap()(strength)[..., :3]
    opacity = np.sqrt(strength)[..., None]
    mixed = (1 - opacity) * BACKGROUND * image.astype(float)[..., None] / 255 + opacity * colours
    mixed[~np.isfinite(heatmap)] = 1
    show_picture(panel, mixed, name, caption)


def _colormap() -> Any:
    """Without its darkest third, which the image would hide."""
    inferno = require("matplotlib", extra="viewer").colormaps["inferno"]
    colors = require("matplotlib.colors", extra="viewer")
    return colors.ListedColormap(inferno(np.linspace(0.3, 1, 256)))


def _draw_points(panel: Any, points: Array, colour: str) -> None:
    panel.scatter(*points.T, s=16, facecolors="none", edgecolors="white", linewidths=2)
    panel.scatter(*points.T, s=16, facecolors="none", edgecolors=colour, linewidths=1)


def _colour_bar(sheet: Sheet, norm: Any, threshold: float | None = None) -> None:
    mappables = require("matplotlib.cm", extra="viewer")
    scale = mappables.ScalarMappable(norm, _colormap())
    bar = sheet.figure.colorbar(scale, ax=sheet.panels, location="bottom", shrink=0.5, aspect=50, pad=0.02)
    bar.set_label("probability of a point")
    ticks = [tick for tick in (0.003, 0.01, 0.03, 0.1, 0.3, 1) if norm.vmin <= tick <= norm.vmax]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks], minor=False)
    bar.minorticks_off()
    if threshold is not None and threshold > norm.vmin:
        bar.ax.axvline(threshold, color="black", linewidth=2.5)
        bar.ax.annotate("threshold", (threshold, 1.15), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
