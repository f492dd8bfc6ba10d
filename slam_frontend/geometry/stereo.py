"""Disparities of left keypoints in a rectified pair: a row search on coarse images, then a sub-pixel fit."""

import cv2
import numpy as np

from slam_frontend.types import Array

COARSE = 4  # the row search runs on images this much smaller
PATCH_RADIUS = 3  # coarse pixels
FLOW_WINDOW = (13, 13)
MAX_ROW_ERROR = 1.0  # pixels that a rectified match may leave its row
MAX_FLOW_ERROR = 16.0  # mean grey difference of the aligned patches


def match_rows(left: Array, right: Array, keypoints: Array, min_disparity: float, max_disparity: float) -> Array:
    """(N,) disparities in pixels of (N,2) left keypoints, NaN where the right image shows no clear match."""
    if not len(keypoints):
        return np.empty(0, np.float32)
    coarse = _search_rows(_shrink(left), _shrink(right), keypoints / COARSE, int(np.ceil(max_disparity / COARSE)))
    disparity = _fit(left, right, keypoints, coarse * COARSE)
    with np.errstate(invalid="ignore"):
        disparity[(disparity < min_disparity) | (disparity > max_disparity)] = np.nan
    return disparity


def _shrink(image: Array) -> Array:
    height, width = image.shape
    small = cv2.resize(image, (width // COARSE, height // COARSE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.int16)


def _search_rows(left: Array, right: Array, keypoints: Array, num_disparities: int) -> Array:
    """(N,) coarse disparities with the smallest sum of absolute differences, NaN where it isn't unique."""
    size = 2 * PATCH_RADIUS + 1
    pad_left = PATCH_RADIUS + num_disparities
    left = cv2.copyMakeBorder(left, *(PATCH_RADIUS,) * 4, cv2.BORDER_REPLICATE)
    right = cv2.copyMakeBorder(right, PATCH_RADIUS, PATCH_RADIUS, pad_left, PATCH_RADIUS, cv2.BORDER_REPLICATE)
    height, width = left.shape[0] - size + 1, left.shape[1] - size + 1
    x = np.clip(np.rint(keypoints[:, 0] - 0.5 + 0.5 / COARSE).astype(int), 0, width - 1)
    y = np.clip(np.rint(keypoints[:, 1] - 0.5 + 0.5 / COARSE).astype(int), 0, height - 1)

    # keypoints last: the loop over the patch's pixels then runs through contiguous memory that stays in the cache
    patches = np.lib.stride_tricks.sliding_window_view(left, (size, size))[y, x].transpose(1, 2, 0).copy()
    strips = np.lib.stride_tricks.sliding_window_view(right, (size, size + num_disparities))[y, x]
    strips = strips.transpose(1, 2, 0).copy()  # (size,size+D,N)
    costs = np.zeros((num_disparities + 1, len(x)), np.int16)
    difference = np.empty_like(costs)
    for row in range(size):
        for column in range(size):
            np.subtract(strips[row, column : column + num_disparities + 1], patches[row, column], out=difference)
            costs += np.abs(difference, out=difference)
    return _unique_minimum(costs[::-1].T.astype(np.float32))  # column d: disparity d


def _unique_minimum(costs: Array) -> Array:
    rows = np.arange(len(costs))
    best = costs.argmin(axis=1)
    lowest = costs[rows, best]
    distant = np.abs(np.arange(costs.shape[1]) - best[:, None]) > 1
    second = np.where(distant, costs, np.inf).min(axis=1)
    return np.where(lowest < 0.9 * second, best, np.nan).astype(np.float32)


def _fit(left: Array, right: Array, keypoints: Array, disparity: Array) -> Array:
    """Lucas and Kanade's alignment from the coarse start; what leaves its row is no match."""
    refined = np.full(len(keypoints), np.nan, np.float32)
    rows = np.flatnonzero(np.isfinite(disparity))
    if not len(rows):
        return refined
    points = np.ascontiguousarray(keypoints[rows], np.float32)
    start = points - np.stack([disparity[rows], np.zeros(len(rows), np.float32)], axis=1)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)
    moved, status, error = cv2.calcOpticalFlowPyrLK(
        left, right, points, start.copy(), winSize=FLOW_WINDOW, maxLevel=1, criteria=criteria,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW, minEigThreshold=1e-3,
    )  # fmt: skip
    shift = np.abs(moved - start)
    good = (np.ravel(status) == 1) & (np.ravel(error) < MAX_FLOW_ERROR)
    good &= (shift[:, 1] < MAX_ROW_ERROR) & (shift[:, 0] < 2 * COARSE)
    refined[rows[good]] = (points - moved)[good, 0]
    return refined
