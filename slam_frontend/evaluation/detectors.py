"""The classical detectors that learned ones are measured against, with a score for every point."""

import cv2
import numpy as np

from slam_frontend.evaluation.points import Detector, ScoredPoints
from slam_frontend.types import Array

NEIGHBOURHOOD = np.ones((3, 3), np.uint8)
BLOCK_SIZE = 3  # an even window would shift every corner by half a pixel


def detect_fast(image: Array) -> ScoredPoints:
    """FAST-9 corners; the score is the highest threshold at which each is one."""
    found = cv2.FastFeatureDetector.create(threshold=1).detect(image)
    keypoints = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    return ScoredPoints(keypoints, np.array([point.response for point in found], np.float32))


def detect_harris(image: Array) -> ScoredPoints:
    """Peaks of Harris's corner measure."""
    return _peaks(cv2.cornerHarris(image, blockSize=BLOCK_SIZE, ksize=3, k=0.04))


def detect_shi_tomasi(image: Array) -> ScoredPoints:
    """Peaks of the structure tensor's smaller eigenvalue."""
    return _peaks(cv2.cornerMinEigenVal(image, blockSize=BLOCK_SIZE))


CLASSICAL: dict[str, Detector] = {"FAST": detect_fast, "Harris": detect_harris, "Shi-Tomasi": detect_shi_tomasi}


def _peaks(response: Array) -> ScoredPoints:
    peaks = (response == cv2.dilate(response, NEIGHBOURHOOD)) & (response > 0)
    rows, columns = np.nonzero(peaks)
    return ScoredPoints(np.stack([columns, rows], 1).astype(np.float32), response[rows, columns])
