"""Keypoints and descriptors of one image from what the network says of it, in numpy; heatmap.py does batches."""

import cv2
import numpy as np

from slam_frontend.models.keypoints import FoundKeypoints, WantedKeypoints
from slam_frontend.models.network_config import CELL
from slam_frontend.types import Array

REFINE_RADIUS = 2
SHARPEN_SIGMA = 1.5  # pixels
GAUSSIAN = cv2.getGaussianKernel(13, SHARPEN_SIGMA, cv2.CV_32F)  # sums to 1
MASS = GAUSSIAN * np.float32(np.sqrt(2 * np.pi) * SHARPEN_SIGMA)  # 1 at its centre: gives about a point's mass
NEARBY = np.ones((9, 9), np.uint8)
ALONG, ACROSS = np.array([[-1, 0, 1], [1, 2, 1]], np.float32)  # Sobel
BLOCK = np.ones(3, np.float32)
STRIP = 120  # rows
REACH = 12  # rows: 6 of the Gaussian, 1 of Sobel, 1 of the block, 4 of the neighbourhood
OPENCVS_SCALE = 1 / 288  # a half of the square of 1/12


def find(heatmap: Array, coarse: Array, image: Array, wanted: WantedKeypoints) -> FoundKeypoints:
    """The keypoints of an image (H,W) uint8 in its heatmap and coarse descriptors (D,h,w), which may reach beyond it
    to whole cells."""
    heatmap = heatmap[: image.shape[0], : image.shape[1]]
    if wanted.sharpen:
        heatmap = sharpen(heatmap, image)
    keypoints, scores = find_keypoints(heatmap, wanted.at_most, wanted.threshold, wanted.nms_radius, wanted.border)
    return FoundKeypoints(keypoints, scores, sample_descriptors(coarse, keypoints))


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
    sharpened = np.empty(heatmap.shape, np.float32)
    for top in range(0, len(heatmap), STRIP):  # strips stay in the cache: a third less time
        first, last = max(top - REACH, 0), top + STRIP + REACH
        strip = _sharpen_strip(heatmap[first:last], image[first:last])
        sharpened[top : top + STRIP] = strip[top - first : top - first + STRIP]
    return sharpened


def smaller_eigenvalue(smooth: Array) -> Array:
    """What ``cv2.cornerMinEigenVal(smooth, 3, ksize=3)`` gives, but for rounding, in half its time."""
    dx = cv2.sepFilter2D(smooth, cv2.CV_32F, ALONG, ACROSS)
    dy = cv2.sepFilter2D(smooth, cv2.CV_32F, ACROSS, ALONG)
    xy = cv2.multiply(dx, dy, scale=2 * OPENCVS_SCALE)
    xx = cv2.multiply(dx, dx, dst=dx, scale=OPENCVS_SCALE)
    yy = cv2.multiply(dy, dy, dst=dy, scale=OPENCVS_SCALE)
    for product in (xx, xy, yy):
        cv2.sepFilter2D(product, cv2.CV_32F, BLOCK, BLOCK, dst=product)
    trace = cv2.add(xx, yy)
    difference = cv2.subtract(xx, yy, dst=xx)
    # not by cv2.magnitude, whose last bit depends on where in memory its input lies
    squares = cv2.add(cv2.multiply(difference, difference, dst=difference), cv2.multiply(xy, xy, dst=xy), dst=xy)
    return np.asarray(cv2.subtract(trace, cv2.sqrt(squares, dst=squares), dst=trace))


def find_keypoints(
    heatmap: Array, max_keypoints: int, threshold: float, nms_radius: int = 4, border: int = 4
) -> tuple[Array, Array]:
    """Keypoints (N,2) float32 with sub-pixel x, y and their scores (N,), best first, none nearer to the border or to
    a higher value than asked for."""
    pixels, scores = _find_peaks(heatmap, threshold, nms_radius, border)
    max_keypoints = max(max_keypoints, 0)
    if len(scores) > max_keypoints > 0:
        best = np.argpartition(scores, -max_keypoints)[-max_keypoints:]
        pixels, scores = pixels[best], scores[best]
    order = np.argsort(-scores, kind="stable")[:max_keypoints]
    return refine(heatmap, pixels[order]), scores[order]


def refine(heatmap: Array, pixels: Array) -> Array:
    """The centres of mass (N,2) float32 of the 5x5 squares around integer pixels (N,2)."""
    height, width = heatmap.shape
    x, y = pixels.T
    if len(pixels) and min(x.min(), y.min(), width - 1 - x.max(), height - 1 - y.max()) < REFINE_RADIUS:
        r = REFINE_RADIUS
        padded = np.asarray(cv2.copyMakeBorder(heatmap, r, r, r, r, cv2.BORDER_CONSTANT, value=0.0))
        return refine(padded, pixels + r) - np.float32(r)
    steps = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1)
    square = (steps[:, None] * width + steps).ravel()
    windows = heatmap.ravel().take((y * width + x)[:, None] + square).reshape(-1, len(steps), len(steps))  # (N,5,5)
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


def _sharpen_strip(heatmap: Array, image: Array) -> Array:
    smooth = cv2.sepFilter2D(image, cv2.CV_32F, GAUSSIAN, GAUSSIAN)
    cornerness = smaller_eigenvalue(smooth)
    np.maximum(cornerness, 0, out=cornerness)  # in place from here on: fresh memory costs more than the arithmetic
    highest = cv2.dilate(cornerness, NEARBY, dst=smooth)
    highest += np.float32(1e-6)
    cornerness /= highest
    cornerness *= cornerness
    spread = cv2.sepFilter2D(heatmap, cv2.CV_32F, MASS, MASS, dst=smooth)
    return np.asarray(np.multiply(spread, cornerness, out=spread))


def _find_peaks(heatmap: Array, threshold: float, radius: int, border: int) -> tuple[Array, Array]:
    """Pixels (N,2) int64 and values (N,) of the peaks; few pixels pass the threshold, so that comes first."""
    side = 2 * radius + 1
    highest = cv2.dilate(heatmap, np.ones((side, side), np.uint8))
    places = np.flatnonzero(heatmap > threshold)
    values = heatmap.ravel()[places]
    is_peak = values == highest.ravel()[places]
    y, x = np.divmod(places[is_peak], heatmap.shape[1])
    pixels, values = np.stack([x, y], 1), values[is_peak]
    inside = ((pixels >= border) & (pixels < np.array(heatmap.shape[::-1]) - border)).all(1)
    return pixels[inside], values[inside]
