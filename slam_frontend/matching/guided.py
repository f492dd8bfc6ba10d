"""Matching landmarks to the keypoints near their projections."""

import numpy as np

from slam_frontend.matching.distances import pair_distances
from slam_frontend.types import Array, Features, Matches

MAX_SCALE_RATIO = 1.5
SAME_PLACE = 3.0  # pixels at scale 1: neighbours nearer than this see the same corner and are no rivals


def match_projections(
    projections: Array,
    descriptors0: Array,
    features: Features,
    keypoints: Array,
    radii: Array | float,
    max_distance: float,
    ratio: float,
    predicted_scales: Array | None = None,
) -> Matches:
    """One-to-one matches of landmarks (row 0) to keypoints (row 1), in the order of the landmarks.

    ``projections`` (L,2) and ``keypoints`` (N,2) are undistorted pixels; a projection that is not finite matches
    nothing. A landmark takes the most similar keypoint within its radius unless the best one elsewhere in the circle
    is nearly as similar (``ratio``; 1 asks no such thing), and a keypoint goes to its most similar landmark.
    With ``predicted_scales`` (L,) a keypoint of a scale beyond a factor of 1.5 of the prediction is no candidate,
    the prediction being held within the scales that there are.
    """
    pairs = _pairs_within(projections, keypoints, radii)
    if predicted_scales is not None and len(pairs):
        pairs = pairs.take(np.flatnonzero(_of_like_scale(pairs, predicted_scales, features.scales)), axis=0)
    distances = pair_distances(descriptors0, features.descriptors, pairs, features.norm)
    close = np.flatnonzero(distances <= max_distance / ratio)  # a runner-up beyond can't rival a match within
    pairs, distances = pairs.take(close, axis=0), distances.take(close)
    best = _unrivalled(pairs, distances, keypoints, features.scales, max_distance, ratio)
    return _one_to_one(pairs[best], distances[best])


def _pairs_within(projections: Array, keypoints: Array, radii: Array | float) -> Array:
    """Rows (P,2) of landmarks and keypoints that lie within the landmark's radius of each other, by landmark.

    Keypoints are sorted into square cells as wide as the greatest radius, so that the three cells side by side in
    which a landmark can have neighbours are one run of them: several times faster than a tree.
    """
    landmarks = np.flatnonzero(np.isfinite(projections[:, 0] + projections[:, 1]))
    if not len(landmarks) or not len(keypoints):
        return np.empty((0, 2), np.int64)
    radii = np.broadcast_to(radii, len(projections))[landmarks]
    side, corner = radii.max(), keypoints.min(0)
    cells = ((keypoints - corner) / side).astype(np.int64) + 2  # two empty rows and columns on each side
    columns, rows = (cells.max(0) + 3).tolist()
    cell_of = cells[:, 1] * columns + cells[:, 0]
    order = np.argsort(cell_of, kind="stable")
    starts = np.zeros(columns * rows + 1, np.int64)
    np.cumsum(np.bincount(cell_of, minlength=columns * rows), out=starts[1:])
    x, y = projections[landmarks].T
    column = ((x - corner[0]) / side + 2).clip(1, columns - 2).astype(np.int64)
    row = ((y - corner[1]) / side + 2).clip(1, rows - 2).astype(np.int64)
    left = ((row * columns + column - 1)[:, None] + [-columns, 0, columns]).ravel()  # (3L,) the first cell of each run
    first = starts[left]
    length = starts[left + 3] - first
    end = np.cumsum(length)
    candidates = order[np.arange(end[-1]) + np.repeat(first - end + length, length)]
    owners = np.repeat(np.arange(len(left)) // 3, length)
    kx, ky = keypoints.T
    dx, dy = x[owners], y[owners]
    dx -= kx[candidates]
    dy -= ky[candidates]
    dx *= dx
    dy *= dy
    dx += dy
    near = np.flatnonzero(dx <= (radii * radii)[owners])
    return np.stack([landmarks[owners[near]], candidates[near]], 1)


def _of_like_scale(pairs: Array, predicted_scales: Array, scales: Array) -> Array:
    expected = np.clip(predicted_scales, scales.min(), scales.max())[pairs[:, 0]]
    found = scales[pairs[:, 1]]
    return (found <= MAX_SCALE_RATIO * expected) & (expected <= MAX_SCALE_RATIO * found)


def _unrivalled(
    pairs: Array, distances: Array, keypoints: Array, scales: Array, max_distance: float, ratio: float
) -> Array:
    """Rows of ``pairs``, sorted by landmark, that are their landmark's best, and better by ``ratio`` than the best at
    another place."""
    if not len(pairs):
        return np.empty(0, np.int64)
    landmarks, candidates = pairs.T
    first = np.flatnonzero(np.diff(landmarks, prepend=-1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(pairs)))
    is_least = distances == np.minimum.reduceat(distances, first)[group]
    winners = np.minimum.reduceat(np.where(is_least, candidates, len(keypoints)), first)[group]  # one of equals
    x, y = keypoints.T
    dx, dy = x[candidates] - x[winners], y[candidates] - y[winners]
    reach = SAME_PLACE * np.maximum(scales[candidates], scales[winners])
    rival = dx * dx + dy * dy > reach * reach
    second = np.minimum.reduceat(np.where(rival, distances, np.inf), first)
    best = np.flatnonzero(candidates == winners)
    clear = (distances[best] < ratio * second) | (ratio == 1)
    return best[clear & (distances[best] <= max_distance)]


def _one_to_one(pairs: Array, distances: Array) -> Matches:
    """The pairs that are the most similar one of their keypoint."""
    worst_first = np.lexsort((pairs[:, 0], distances))[::-1]
    best_of = np.full(pairs[:, 1].max(initial=-1) + 1, -1)
    best_of[pairs[worst_first, 1]] = worst_first  # of those that go to one place the last stays
    rows = np.sort(best_of[best_of >= 0])
    return Matches(pairs[rows], distances[rows].astype(np.float32))
