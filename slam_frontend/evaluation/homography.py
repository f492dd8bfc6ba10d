"""How well features of two images match, and how exactly their matches give the homography."""

from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.evaluation.pairs import ImagePair, is_inside, warp_points
from slam_frontend.features import Extractor
from slam_frontend.matching.distances import all_distances
from slam_frontend.matching.nearest import mutual_nearest
from slam_frontend.types import Array, Features


@dataclass(frozen=True)
class HomographyProtocol:
    """DeTone 2018, section 7. The extractor is asked for ``num_points`` where it is made."""

    size: tuple[int, int] = (480, 640)  # height, width
    num_points: int = 1000
    threshold: float = 3.0  # within which a match is right
    ransac_threshold: float = 3.0


@dataclass(frozen=True)
class Matching:
    """Of one pair; 0, and an infinite error, where the extractor found nothing to match."""

    nn_map: float  # area under precision over recall of nearest neighbours, the mean of both directions
    matching_score: float  # right mutual matches, of the features that both images show
    precision: float  # right mutual matches, of all mutual matches
    corner_error: float  # mean distance of the image's corners under the estimated and the true homography, pixels


def measure_matching(extractor: Extractor, pair: ImagePair, protocol: HomographyProtocol | None = None) -> Matching:
    """All that the features of a pair are judged by."""
    protocol = protocol or HomographyProtocol()
    features0 = _first(extractor.extract(pair.image0), protocol.num_points)
    features1 = _first(extractor.extract(pair.image1), protocol.num_points)
    distances = all_distances(features0.descriptors, features1.descriptors, features0.norm)
    offsets, is_shared0, is_shared1 = _geometry(features0, features1, pair)
    if not distances.size:
        return Matching(nn_map=0.0, matching_score=0.0, precision=0.0, corner_error=np.inf)
    rows0, rows1 = mutual_nearest(distances)
    right = offsets[rows0, rows1] <= protocol.threshold
    H_1_0 = estimate_homography(features0.keypoints[rows0], features1.keypoints[rows1], protocol.ransac_threshold)
    return Matching(
        nn_map=_mean_of_both(
            _average_precision(distances, offsets, is_shared0, protocol.threshold),
            _average_precision(distances.T, offsets.T, is_shared1, protocol.threshold),
        ),
        matching_score=_mean_of_both(
            _share(is_shared0[rows0[right]].sum(), is_shared0.sum()),
            _share(is_shared1[rows1[right]].sum(), is_shared1.sum()),
        ),
        precision=_share(right.sum(), len(rows0)),
        corner_error=corner_error(H_1_0, pair.H_1_0, pair.image0.shape),
    )


def estimate_homography(keypoints0: Array, keypoints1: Array, threshold: float) -> Array | None:
    """H_1_0 by OpenCV's RANSAC and the least squares of its inliers, None where no four matches agree on one.

    RANSAC's own H goes on from its best sample and stops short: with matches a pixel off, the corners are twice as
    far off as by the least squares of the very same inliers.
    """
    if len(keypoints0) < 4:
        return None
    H_1_0, is_inlier = cv2.findHomography(keypoints0, keypoints1, cv2.RANSAC, threshold)
    if H_1_0 is None:
        return None
    rows = np.flatnonzero(is_inlier)
    if len(rows) < 4:  # by rounding not even the sample that it is made from
        return None
    refined, _ = cv2.findHomography(keypoints0[rows], keypoints1[rows])
    return np.asarray(H_1_0 if refined is None else refined)


def corner_error(H_1_0: Array | None, truth_1_0: Array, shape: tuple[int, ...]) -> float:
    """Mean distance in image 1 of the corners of image 0; infinite without an estimate."""
    if H_1_0 is None:
        return np.inf
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    error = np.linalg.norm(warp_points(corners, H_1_0) - warp_points(corners, truth_1_0), axis=1).mean()
    return float(error) if np.isfinite(error) else np.inf


def _first(features: Features, count: int) -> Features:
    return features.select(np.arange(min(count, len(features))))


def _geometry(features0: Features, features1: Features, pair: ImagePair) -> tuple[Array, Array, Array]:
    """How far apart (N0,N1) in image 1 keypoints are, and which of each image the other one shows."""
    in_1 = warp_points(features0.keypoints, pair.H_1_0)
    in_0 = warp_points(features1.keypoints, np.linalg.inv(pair.H_1_0))
    offsets = np.linalg.norm(in_1[:, None] - features1.keypoints[None], axis=2)
    return np.nan_to_num(offsets, nan=np.inf), is_inside(in_1, pair.image1.shape), is_inside(in_0, pair.image0.shape)


def _average_precision(distances: Array, offsets: Array, is_shared: Array, threshold: float) -> float:
    """Of the nearest neighbours of the rows that have a true counterpart to find, most certain first."""
    num_findable = ((offsets <= threshold).any(1) & is_shared).sum()
    if not num_findable:
        return 0.0
    nearest = distances.argmin(1)
    rows = np.flatnonzero(is_shared)
    order = rows[np.argsort(distances[rows, nearest[rows]], kind="stable")]
    right = offsets[order, nearest[order]] <= threshold
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precision[right].sum() / num_findable)


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0


def _mean_of_both(first: float, second: float) -> float:
    return (first + second) / 2
