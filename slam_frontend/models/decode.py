"""Keypoints and descriptors of one image from what the network says of it, in numpy; heatmap.py does batches."""

import cv2
import numpy as np

from slam_frontend.models.network_config import CELL
from slam_frontend.types import Array

REFINE_RADIUS = 2
SHARPEN_SIGMA = 1.5  # pixels


def to_heatmap(logits: Array) -> Array:
    """The probability of a point at each pixel, (8h,8w) float32, of logits (65,h,w)."""
    exponentials = np.exp(logits - logits.max(0))
    exponentials /= exponentials.sum(0)
    height, width = logits.shape[1:]
    cells = exponentials[:-1].reshape(CELL, CELL, height, width)  # channel 8*dy+dx
    return np.ascontiguousarray(cells.transpose(2, 0, 3, 1)).reshape(height * CELL, width * CELL)


def sharpen(heatmap: Array, image: Array) -> Array:
    """A heatmap (H,W) times how much of a corner each pixel is among its neighbours in the image (H,W) uint8.

    The network knows which corners are found again, but where one lies only to a pixel and a half; the smaller
    eigenvalue of the structure tensor (Shi and Tomasi 1994) knows the place far better, and nothing else.
    """
    spread = cv2.GaussianBlur(heatmap, (0, 0), SHARPEN_SIGMA) * (2 * np.pi * SHARPEN_SIGMA**2)  # about a point's mass
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), SHARPEN_SIGMA)
    cornerness = np.maximum(cv2.cornerMinEigenVal(smooth, 3, ksize=3), 0)
    highest = cv2.dilate(cornerness, np.ones((9, 9), np.uint8))
    return np.asarray(spread * np.square(cornerness / (highest + 1e-6)), np.float32)


def find_keypoints(
    heatmap: Array, max_keypoints: int, threshold: float, nms_radius: int = 4, border: int = 4
) -> tuple[Array, Array]:
    """Keypoints (N,2) float32 with sub-pixel x, y and their scores (N,), best first, none nearer to the border or to
    a higher value than asked for."""
    pixels, scores = _find_peaks(heatmap, threshold, nms_radius, border)
    if len(scores) > max_keypoints:
        best = np.argpartition(scores, -max_keypoints)[-max_keypoints:]
        pixels, scores = pixels[best], scores[best]
    order = np.argsort(-scores, kind="stable")
    return refine(heatmap, pixels[order]), scores[order]


def refine(heatmap: Array, pixels: Array) -> Array:
    """The centres of mass (N,2) float32 of the 5x5 squares around integer pixels (N,2)."""
    steps = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1)
    padded = np.pad(heatmap, REFINE_RADIUS)
    rows = pixels[:, 1, None, None] + steps[:, None] + REFINE_RADIUS
    columns = pixels[:, 0, None, None] + steps + REFINE_RADIUS
    windows = padded[rows, columns]  # (N,5,5)
    mass = np.maximum(windows.sum((1, 2)), 1e-12)
    dx, dy = (windows.sum(1) @ steps) / mass, (windows.sum(2) @ steps) / mass
    return np.asarray(pixels + np.stack([dx, dy], 1), np.float32)


def sample_descriptors(coarse: Array, keypoints: Array) -> Array:
    """Unit descriptors (N,D) float32 at keypoints (N,2), read between the cells of a coarse map (D,h,w)."""
    depth, height, width = coarse.shape
    # the centre of pixel x lies at (x + 0.5) / 8 - 0.5 cells, with the centre of the first cell at 0
    position = (keypoints + 0.5) / CELL - 0.5
    position = position.clip(0, (width - 1, height - 1))
    corner = np.minimum(position.astype(np.int64), (max(width - 2, 0), max(height - 2, 0)))
    fraction = (position - corner).astype(np.float32)
    rows = coarse.reshape(depth, -1).T  # (h*w,D)
    first = corner[:, 1] * width + corner[:, 0]
    right, down = min(1, width - 1), min(1, height - 1) * width
    fx, fy = fraction[:, :1], fraction[:, 1:]
    upper = rows[first] * (1 - fx) + rows[first + right] * fx
    lower = rows[first + down] * (1 - fx) + rows[first + right + down] * fx
    values = upper * (1 - fy) + lower * fy
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12), np.float32)


def _find_peaks(heatmap: Array, threshold: float, radius: int, border: int) -> tuple[Array, Array]:
    side = 2 * radius + 1
    highest = cv2.dilate(heatmap, np.ones((side, side), np.uint8))
    height, width = heatmap.shape
    inner = (slice(border, max(height - border, border)), slice(border, max(width - border, border)))
    values = heatmap[inner]
    rows, columns = np.nonzero((values == highest[inner]) & (values > threshold))
    return np.stack([columns + border, rows + border], 1), values[rows, columns]
