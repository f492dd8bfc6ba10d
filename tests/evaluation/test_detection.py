"""Average precision and localisation error against detectors whose behaviour is known."""

import cv2
import numpy as np
import pytest

from slam_frontend.evaluation.detection import average_precision, measure_detection
from slam_frontend.evaluation.detectors import CLASSICAL
from slam_frontend.evaluation.points import Detector, ScoredPoints, best
from slam_frontend.types import Array

CORNERS = np.array([[20.0, 20.0], [60.0, 30.0], [90.0, 80.0], [140.0, 100.0]])
IMAGE = np.zeros((120, 160), np.uint8)


def shifted(right: float) -> Array:
    return CORNERS + np.array([right, 0.0])


def returns(points: Array, scores: list[float]) -> Detector:
    return lambda image: ScoredPoints(np.asarray(points, np.float32), np.asarray(scores, np.float32))


def test_all_corners_found_and_nothing_else_is_perfect() -> None:
    found = measure_detection(returns(CORNERS, [0.9, 0.8, 0.7, 0.6]), [(IMAGE, CORNERS)] * 3)
    assert found.mean_average_precision == pytest.approx(1.0)
    assert found.localisation_error == pytest.approx(0.0, abs=1e-5)


def test_the_localisation_error_is_the_shift_and_beyond_four_pixels_nothing_is_found() -> None:
    near = measure_detection(returns(shifted(2.0), [1, 1, 1, 1]), [(IMAGE, CORNERS)])
    assert near.mean_average_precision == 1.0 and near.localisation_error == pytest.approx(2.0)
    far = measure_detection(returns(shifted(4.1), [1, 1, 1, 1]), [(IMAGE, CORNERS)])
    assert far.mean_average_precision == 0.0 and np.isnan(far.localisation_error)


def test_a_corner_is_found_only_once() -> None:
    two_on_one = np.array([[17.5, 20.0], [22.5, 20.0]])
    found = measure_detection(returns(two_on_one, [0.9, 0.8]), [(IMAGE, CORNERS[:1])])
    assert found.mean_average_precision == 1.0  # the worse one is a false alarm after the last corner
    swapped = measure_detection(returns(np.array([[80.0, 90.0], [20.0, 20.0]]), [0.9, 0.8]), [(IMAGE, CORNERS[:1])])
    assert swapped.mean_average_precision == pytest.approx(0.5)


def test_false_alarms_on_images_without_corners_cost_precision() -> None:
    detect = returns(np.array([[20.0, 20.0]]), [0.9])
    alone = measure_detection(detect, [(IMAGE, CORNERS[:1])])
    with_negative = measure_detection(detect, [(IMAGE, CORNERS[:1]), (IMAGE, np.empty((0, 2)))])
    assert alone.mean_average_precision == 1.0
    assert with_negative.mean_average_precision == pytest.approx(0.5)


def test_average_precision_of_a_known_ranking() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    # right, wrong, right, wrong: precision 1 up to a recall of 1/4, then 2/3 up to 2/4
    assert average_precision(scores, np.array([1, 0, 1, 0], bool), 4) == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)


def test_precision_at_a_recall_is_the_best_at_any_higher_one() -> None:
    ranking = np.array([0, 1, 1], bool)  # a precision of 1/2 at half of the recall, then 2/3 at all of it
    assert average_precision(np.array([0.9, 0.8, 0.7]), ranking, 2) == pytest.approx(2 / 3)


def test_equal_scores_are_not_ranked_by_luck() -> None:
    first, last = np.array([1, 0, 0, 0], bool), np.array([0, 0, 0, 1], bool)
    assert average_precision(np.ones(4), first, 1) == average_precision(np.ones(4), last, 1) == 0.25


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_detectors_find_the_corners_of_a_square(name: str) -> None:
    image = np.full((120, 160), 60, np.uint8)
    image[40:80, 50:110] = 200
    image = cv2.GaussianBlur(image, (3, 3), 0.8)  # OpenCV's FAST drops corners whose neighbours score the same
    corners = np.array([[50, 40], [109, 40], [50, 79], [109, 79]], float)
    found = measure_detection(CLASSICAL[name], [(image, corners)])
    assert found.mean_average_precision > 0.99 and found.localisation_error < 2


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_detectors_are_not_shifted_to_one_side(name: str) -> None:
    image = np.full((120, 160), 60, np.uint8)
    image[40:80, 50:110] = 200
    points = best(CLASSICAL[name](cv2.GaussianBlur(image, (3, 3), 0.8)), 4)
    np.testing.assert_allclose(points.keypoints.mean(0), (79.5, 59.5), atol=1e-6)


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_detectors_find_nothing_in_a_blank_image(name: str) -> None:
    assert len(CLASSICAL[name](np.full((60, 80), 90, np.uint8))) == 0
