"""The methods that pySLAM's feature manager calls."""

from concurrent.futures import ThreadPoolExecutor

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
    feature2d = SlamFrontendFeature2D(500, name="orb")
    for kept in (feature2d.detect(image, mask), feature2d.compute(image, None, mask)[0]):
        assert kept and max(point.pt[1] for point in kept) < 120.5


def test_it_describes_what_it_finds_if_no_keypoints_are_given(image: np.ndarray) -> None:
    feature2d = SlamFrontendFeature2D(200)
    keypoints, descriptors = feature2d.compute(image)
    assert [point.pt for point in keypoints] == [point.pt for point in feature2d.detect(image)]
    assert descriptors.shape == (len(keypoints), 64)


def test_keypoints_and_descriptors_stay_in_step_where_some_lie_outside(image: np.ndarray) -> None:
    feature2d = SlamFrontendFeature2D(200)
    keypoints, descriptors = feature2d.detectAndCompute(image)
    kept, described = feature2d.compute(image, [cv2.KeyPoint(-9.0, 5.0, 31.0), *keypoints[:5]])
    assert [point.pt for point in kept] == [point.pt for point in keypoints[:5]]
    assert np.allclose(described, descriptors[:5], atol=1e-4)


def test_two_threads_may_call_it(image: np.ndarray) -> None:
    """Its trackers look at both images of a stereo pair at once."""
    feature2d = SlamFrontendFeature2D(200)
    images = [image, np.ascontiguousarray(image[:, ::-1])] * 3
    expected = [feature2d.detectAndCompute(picture)[1] for picture in images]
    with ThreadPoolExecutor(2) as pool:
        found = [descriptors for _, descriptors in pool.map(feature2d.detectAndCompute, images)]
    assert all(map(np.array_equal, found, expected))
