"""Matching landmarks to the keypoints near their projections."""

import numpy as np
from scipy.spatial import cKDTree

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
        pairs = pairs[_of_like_scale(pairs, predicted_scales, features.scales)]
    distances = pair_distances(descriptors0, features.descriptors, pairs, features.norm)
    close = distances <= max_distance / ratio  # a runner-up beyond can't fail the ratio test of a match within
    best = _unrivalled(pairs[close], distances[close], keypoints, features.scales, max_distance, ratio)
    return _one_to_one(pairs[close][best], distances[close][best])


def _pairs_within(projections: Array, keypoints: Array, radii: Array | float) -> Array:
    """Rows (P,2) of landmarks and keypoints that lie within the landmark's radius of each other."""
    landmarks = np.flatnonzero(np.isfinite(projections).all(1))
    if not len(landmarks) or not len(keypoints):
        return np.empty((0, 2), np.int64)
    radii = np.broadcast_to(radii, len(projections))[landmarks]
    trees = cKDTree(projections[landmarks]), cKDTree(keypoints)
    found = trees[0].sparse_distance_matrix(trees[1], radii.max(), output_type="ndarray")
    found = found[found["v"] <= radii[found["i"]]]
    return np.stack([landmarks[found["i"]], found["j"]], 1)


def _of_like_scale(pairs: Array, predicted_scales: Array, scales: Array) -> Array:
    expected = np.clip(predicted_scales, scales.min(), scales.max())[pairs[:, 0]]
    found = scales[pairs[:, 1]]
    return (found <= MAX_SCALE_RATIO * expected) & (expected <= MAX_SCALE_RATIO * found)


def _unrivalled(
    pairs: Array, distances: Array, keypoints: Array, scales: Array, max_distance: float, ratio: float
) -> Array:
    """Rows of ``pairs`` that are their landmark's best, and better by ``ratio`` than the best at another place."""
    if not len(pairs):
        return np.empty(0, np.int64)
    order = np.lexsort((pairs[:, 1], distances, pairs[:, 0]))
    landmarks, candidates = pairs[order].T
    first = np.flatnonzero(np.diff(landmarks, prepend=-1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(order)))
    winners = candidates[first[group]]
    shift = np.linalg.norm(keypoints[candidates] - keypoints[winners], axis=1)
    rival = shift > SAME_PLACE * np.maximum(scales[candidates], scales[winners])
    second = np.minimum.reduceat(np.where(rival, distances[order], np.inf), first)
    best = order[first]
    clear = (distances[best] < ratio * second) | (ratio == 1)
    return best[clear & (distances[best] <= max_distance)]


def _one_to_one(pairs: Array, distances: Array) -> Matches:
    """The pairs that are the most similar one of their keypoint."""
    order = np.lexsort((pairs[:, 0], distances))
    _, first = np.unique(pairs[order, 1], return_index=True)
    rows = np.sort(order[first])
    return Matches(pairs[rows], distances[rows].astype(np.float32))
