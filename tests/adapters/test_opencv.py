"""OpenCV's own matchers and estimators take our features."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from random_network import save_random

from slam_frontend.adapters.images import to_grey
from slam_frontend.adapters.opencv import Feature2D, KeypointError
from slam_frontend.config import ConfigError
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.errors import FrontendError
from slam_frontend.features.superpoint import shipped_weights
from slam_frontend.types import Array, Features

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample" / "rgb"
H_1_0 = np.array([[0.96, -0.08, 14.0], [0.07, 0.98, -6.0], [1e-4, -5e-5, 1.0]])


class Everywhere:
    """Finds nothing by itself; describes any position by the pixel's value and its coordinates."""

    name, norm = "everywhere", "l2"

    def extract(self, image: Array) -> Features:
        nothing = np.empty((0, 2), np.float32), np.empty(0, np.float32), np.empty((0, 3), np.float32)
        return Features(*nothing, "l2", np.empty(0, np.float32))

    def describe(self, image: Array, keypoints: Array) -> Array:
        columns, rows = keypoints.astype(int).T
        return np.stack([image[rows, columns], columns, rows], 1).astype(np.float32)


@pytest.fixture(scope="module")
def image0() -> Array:
    return RenderedSequence(RenderConfig(width=320, height=240))[3].image


@pytest.fixture(scope="module")
def image1(image0: Array) -> Array:
    return cv2.warpPerspective(image0, H_1_0, image0.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def test_a_name_may_say_the_precision_and_the_weights(image0: Array) -> None:
    weights = shipped_weights("superpoint-fast")
    _, expected = Feature2D("superpoint-fast", precision="float", weights=weights).detectAndCompute(image0)
    _, found = Feature2D(f"superpoint-fast:float={weights}").detectAndCompute(image0)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", ["orb", "sift"])
@pytest.mark.parametrize("search", ["brute force", "flann"])
def test_opencv_finds_the_homography_of_a_pair(name: str, search: str, image0: Array, image1: Array) -> None:
    feature2d = Feature2D(name, max_keypoints=500)
    assert isinstance(feature2d, cv2.Feature2D)
    (points0, descriptors0), (points1, descriptors1) = (feature2d.detectAndCompute(i, None) for i in (image0, image1))
    if search == "brute force":
        matches = cv2.BFMatcher(feature2d.defaultNorm(), crossCheck=True).match(descriptors0, descriptors1)
    else:
        index = {"algorithm": 1, "trees": 4} if name == "sift" else {"algorithm": 6, "table_number": 6, "key_size": 12}
        pairs = cv2.FlannBasedMatcher(index, {"checks": 64}).knnMatch(descriptors0, descriptors1, k=2)
        matches = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.85 * pair[1].distance]
    from0 = np.array([points0[match.queryIdx].pt for match in matches])
    to1 = np.array([points1[match.trainIdx].pt for match in matches])
    H, inliers = cv2.findHomography(from0, to1, cv2.RANSAC, 2.0)
    corners = np.array([[[0, 0], [319, 0], [319, 239], [0, 239]]], np.float64)
    errors = np.linalg.norm(cv2.perspectiveTransform(corners, H) - cv2.perspectiveTransform(corners, H_1_0), axis=2)
    assert inliers.sum() > 80
    assert errors.max() < 1.0


@pytest.mark.parametrize("name", ["orb", "sift"])
def test_the_response_is_the_score_and_the_size_grows_with_the_scale(name: str, image0: Array) -> None:
    feature2d = Feature2D(name, max_keypoints=200)
    features = feature2d.extractor.extract(image0)
    points = feature2d.detect(image0)
    np.testing.assert_allclose([point.response for point in points], features.scores, rtol=1e-6)
    np.testing.assert_allclose([point.size for point in points], 31 * features.scales, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "width", "kind", "norm"),
    [("orb", 32, cv2.CV_8U, cv2.NORM_HAMMING), ("sift", 128, cv2.CV_32F, cv2.NORM_L2)],
)
def test_it_says_what_its_descriptors_are(name: str, width: int, kind: int, norm: int, image0: Array) -> None:
    feature2d = Feature2D(name)
    said = feature2d.descriptorSize(), feature2d.descriptorType(), feature2d.defaultNorm()
    assert said == (width, kind, norm)
    _, descriptors = feature2d.detectAndCompute(image0)
    assert descriptors.shape[1] == width
    assert descriptors.dtype == (np.uint8 if kind == cv2.CV_8U else np.float32)
    assert not feature2d.empty()
    assert name in feature2d.getDefaultName()


def test_a_mask_keeps_keypoints_out(image0: Array) -> None:
    mask = np.zeros_like(image0)
    mask[:, 160:] = 255
    feature2d = Feature2D("orb")
    kept = feature2d.detect(image0, mask)
    right = [point for point in feature2d.detect(image0) if round(point.pt[0]) >= 160]
    assert 0 < len(kept) == len(right)
    assert all(round(point.pt[0]) >= 160 for point in kept)


def test_a_black_image_has_no_keypoints_and_no_descriptors() -> None:
    for image in (np.zeros((120, 160), np.uint8), np.empty((0, 0), np.uint8)):
        assert Feature2D("orb").detectAndCompute(image, None) == ([], None)
    assert Feature2D("orb").compute(np.zeros((120, 160), np.uint8), []) == ([], None)


@pytest.mark.parametrize("name", ["orb", "sift"])
def test_detect_then_compute_is_detect_and_compute(name: str, image0: Array) -> None:
    feature2d = Feature2D(name, max_keypoints=200)
    points, descriptors = feature2d.detectAndCompute(image0)
    some = feature2d.detect(image0)[50:90]
    kept, described = feature2d.compute(image0, some)
    assert [point.pt for point in kept] == [point.pt for point in points[50:90]]
    assert len(described) == 40
    if name == "orb":
        assert np.array_equal(described, descriptors[50:90])
    assert np.array_equal(feature2d.compute(image0, points)[1], descriptors)  # SIFT has several at one position


def test_foreign_keypoints_are_refused_by_who_describes_only_its_own(image0: Array) -> None:
    foreign = [cv2.KeyPoint(100.25, 100.25, 31.0)]
    with pytest.raises(KeypointError, match="1 of 1 keypoints are not orb's own"):
        Feature2D("orb").compute(image0, foreign)


def test_provided_keypoints_are_described_where_the_extractor_can(image0: Array) -> None:
    given = [cv2.KeyPoint(100.0, 50.0, 31.0), cv2.KeyPoint(7.0, 9.0, 31.0)]
    feature2d = Feature2D("orb", extractor=Everywhere())
    points, descriptors = feature2d.detectAndCompute(image0, None, useProvidedKeypoints=True, keypoints=given)
    assert [point.pt for point in points] == [(100.0, 50.0), (7.0, 9.0)]
    assert np.array_equal(descriptors, [[image0[50, 100], 100, 50], [image0[9, 7], 7, 9]])


def test_a_colour_image_gives_the_features_of_its_grey_one() -> None:
    colour = cv2.imread(str(SAMPLE / "0.000000.jpg"))
    grey = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    feature2d = Feature2D("orb")
    assert np.array_equal(feature2d.detectAndCompute(colour)[1], feature2d.detectAndCompute(grey)[1])
    with pytest.raises(FrontendError, match="uint8"):
        to_grey(grey.astype(np.float32))


@pytest.mark.skipif(cv2.__version__ < "5", reason="OpenCV 4 crashes where Python sets an ImageFeatures' descriptors")
def test_the_stitching_module_matches_our_features(image0: Array, image1: Array) -> None:
    found = []
    for index, image in enumerate((image0, image1)):
        points, descriptors = Feature2D("sift").detectAndCompute(image)
        features = cv2.detail.ImageFeatures()
        features.img_idx, features.img_size = index, image.shape[::-1]
        features.keypoints, features.descriptors = points, cv2.UMat(descriptors)
        found.append(features)
    matcher = cv2.detail.BestOf2NearestMatcher_create(False, 0.5)
    info = matcher.apply(found[0], found[1])
    assert info.num_inliers > 50


EVERY = ["orb", "fast", "sift", "superpoint-fast", "binary-superpoint-fast"]


@pytest.mark.parametrize("name", EVERY)
def test_images_of_any_size_are_taken(name: str, image0: Array) -> None:
    feature2d = Feature2D(name)
    for height, width in ((1, 1), (1, 200), (200, 1), (3, 5), (8, 8), (9, 9), (17, 31), (157, 231)):
        image = image0[:height, :width]  # not in one piece either
        points, descriptors = feature2d.detectAndCompute(image, None)
        assert (descriptors is None) == (not points)
        for point in points:
            assert -0.5 <= point.pt[0] <= width - 0.5 and -0.5 <= point.pt[1] <= height - 0.5
    assert len(points) > 50 and len(descriptors) == len(points)


@pytest.mark.parametrize("make", [cv2.UMat, lambda image: image[:, :, None], lambda image: image.T.copy().T])
def test_images_and_masks_come_in_several_wrappings(make, image0: Array) -> None:
    mask = np.zeros_like(image0)
    mask[:, 160:] = 255
    feature2d = Feature2D("orb")
    expected = feature2d.detectAndCompute(image0, mask)[1]
    assert 0 < len(expected) < len(feature2d.detectAndCompute(image0, np.empty((0, 0), np.uint8))[1])
    assert np.array_equal(feature2d.detectAndCompute(make(image0), make(mask))[1], expected)
    assert np.array_equal(feature2d.detectAndCompute(image0, mask > 0)[1], expected)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((40, 40), np.uint16), "uint16"),
        (np.zeros((40, 40, 2), np.uint8), r"\(40, 40, 2\)"),
        (np.zeros((1, 1, 40, 40), np.uint8), r"\(1, 1, 40, 40\)"),
        ([[1, 2], [3, 4]], "list"),
        ("image.png", "str"),
    ],
)
def test_what_is_no_image_is_told_in_one_sentence(image, found: str) -> None:
    with pytest.raises(FrontendError, match=f"expected .* found .*{found}"):
        Feature2D("orb").detectAndCompute(image, None)


def test_a_mask_of_another_size_is_told_in_one_sentence(image0: Array) -> None:
    for mask in (np.ones((50, 50), np.uint8), np.ones((*image0.shape, 3), np.uint8)):
        with pytest.raises(FrontendError, match="a mask of the image's size"):
            Feature2D("orb").detectAndCompute(image0, mask)


def test_keypoints_outside_the_image_are_left_out(image0: Array) -> None:
    """As OpenCV does with those that it can't describe."""
    places = [(100.0, 50.0), (-50.0, 900.0), (float("nan"), 3.0), (320.0, 100.0)]
    given = [cv2.KeyPoint(x, y, 31.0) for x, y in places]
    points, descriptors = Feature2D("superpoint-fast").compute(image0, given)
    assert [point.pt for point in points] == places[:1] and len(descriptors) == 1
    assert Feature2D("orb").compute(image0, given[1:]) == ([], None)


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ConfigError, match="max_keypoint is unknown, did you mean max_keypoints"):
        Feature2D("orb", max_keypoint=100)


def test_a_network_describes_positions_that_it_did_not_choose(tmp_path: Path, image0: Array) -> None:
    save_random(tmp_path / "untrained.pt")
    feature2d = Feature2D("superpoint-fast", weights=tmp_path / "untrained.pt", runtime="torch")
    points, descriptors = feature2d.detectAndCompute(image0)
    assert len(points) > 20
    given = [*points[5:8], cv2.KeyPoint(points[9].pt[0] + 1e-3, points[9].pt[1], 1.0), cv2.KeyPoint(11.5, 200.25, 1.0)]
    kept, described = feature2d.compute(image0, given)
    assert kept == given
    assert np.allclose(described[:3], descriptors[5:8], atol=1e-6)
    assert described[3] @ descriptors[9] > 0.9999
    assert np.allclose(np.linalg.norm(described, axis=1), 1, atol=1e-5)


def test_many_can_be_made_and_freed() -> None:
    """OpenCV's own way to free a Python subclass corrupts the heap."""
    program = (
        "from slam_frontend.adapters.opencv import Feature2D\n"
        "kept = Feature2D('orb')\n"
        "for _ in range(200): several = [Feature2D('sift') for _ in range(3)]; [bytearray(n) for n in range(200)]\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.data
@pytest.mark.parametrize("name", ["orb", "sift"])
def test_opencv_finds_the_homography_of_two_photographs(name: str, data_root: Path) -> None:
    """Another viewpoint of a painted wall; the truth was measured by its authors."""
    scene = data_root / "homographies" / "v_graf"
    first, second = (cv2.imread(str(scene / f"{number}.png")) for number in (1, 2))
    feature2d = Feature2D(name, max_keypoints=1500)
    (points0, descriptors0), (points1, descriptors1) = (feature2d.detectAndCompute(i, None) for i in (first, second))
    matches = cv2.BFMatcher(feature2d.defaultNorm(), crossCheck=True).match(descriptors0, descriptors1)
    from0 = np.array([points0[match.queryIdx].pt for match in matches])
    to1 = np.array([points1[match.trainIdx].pt for match in matches])
    H, inliers = cv2.findHomography(from0, to1, cv2.RANSAC, 3.0)
    height, width = first.shape[:2]
    corners = np.array([[[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]], np.float64)
    truth = cv2.perspectiveTransform(corners, np.loadtxt(scene / "H_1_2"))
    assert inliers.sum() > 150
    assert np.linalg.norm(cv2.perspectiveTransform(corners, H) - truth, axis=2).mean() < 3
