"""The methods that pySLAM's feature manager calls."""

import cv2
import numpy as np
import pytest

from slam_frontend.adapters.opencv import KeypointError
from slam_frontend.adapters.pyslam import SlamFrontendFeature2D
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.features import create_extractor


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return RenderedSequence(RenderConfig(width=320, height=240))[0].image


def test_keypoints_count_from_the_corner_as_those_of_its_other_networks_do(image: np.ndarray) -> None:
    keypoints, descriptors = SlamFrontendFeature2D(200, name="orb").detectAndCompute(image)
    features = create_extractor({"name": "orb", "max_keypoints": 200}).extract(image)
    assert isinstance(keypoints[0], cv2.KeyPoint)
    assert np.allclose([point.pt for point in keypoints], features.keypoints + 0.5)
    assert np.array_equal(descriptors, features.descriptors)


def test_detect_and_compute_agree_with_both_at_once(image: np.ndarray) -> None:
    feature2d = SlamFrontendFeature2D(200, name="orb")
    keypoints, descriptors = feature2d.detectAndCompute(image)
    kept, described = feature2d.compute(image, feature2d.detect(image))
    assert [point.pt for point in kept] == [point.pt for point in keypoints]
    assert np.array_equal(described, descriptors)
    with pytest.raises(KeypointError):
        feature2d.compute(image, [cv2.KeyPoint(50.3, 50.3, 31.0)])


def test_the_number_of_features_can_be_changed(image: np.ndarray) -> None:
    feature2d = SlamFrontendFeature2D(num_features=500, name="orb")
    feature2d.setMaxFeatures(60)
    assert feature2d.num_features == 60
    assert 50 <= len(feature2d.detect(image)) <= 60


def test_a_mask_is_kept_to(image: np.ndarray) -> None:
    mask = np.zeros_like(image)
    mask[:120] = 255
    kept = SlamFrontendFeature2D(500, name="orb").detect(image, mask)
    assert kept and max(point.pt[1] for point in kept) < 120.5
