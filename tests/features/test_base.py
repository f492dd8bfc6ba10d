"""Features of shrunk images lie where they are in the image; what an extractor gives is looked at first."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from slam_frontend.errors import ConfigError, PluginError
from slam_frontend.features import create_extractor, extract_at_most
from slam_frontend.types import Features


def test_keypoints_of_a_shrunk_image_lie_where_they_are_in_the_image() -> None:
    """Squares whose corners fall on whole pixels of the small image."""
    image = np.full((480, 640), 40, np.uint8)
    image[120:360, 160:480] = 220
    extractor = create_extractor({"name": "fast", "max_keypoints": 50})
    features = extract_at_most(extractor, cv2.GaussianBlur(image, (0, 0), 2), 320)
    corners = np.array([[159.5, 119.5], [479.5, 119.5], [159.5, 359.5], [479.5, 359.5]])  # edges between two pixels
    gaps = np.linalg.norm(features.keypoints[:, None] - corners, axis=2)
    centre = np.array([features.keypoints[gap.argmin()] for gap in gaps.T]).mean(axis=0)
    assert np.allclose(features.scales, 2)
    assert np.allclose(centre, [319.5, 239.5], atol=0.05)  # the detector's own bias cancels over the four


@pytest.mark.parametrize("shape", [(480, 640), (640, 480)])
def test_the_longer_side_is_shrunk_and_scales_grow_with_it_if_wanted(shape: tuple[int, int]) -> None:
    extractor = create_extractor("orb")
    extract, seen = extractor.extract, []
    extractor.extract = lambda small: (seen.append(small.shape), extract(small))[1]  # type: ignore[method-assign]
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    of_copy, of_image = (extract_at_most(extractor, image, 500, scaled) for scaled in (False, True))
    assert [max(size) for size in seen] == [500, 500]
    assert of_copy.scales.min() == 1
    np.testing.assert_allclose(of_image.scales, 1.28 * of_copy.scales, rtol=1e-6)


def test_a_thin_image_can_be_shrunk() -> None:
    features = extract_at_most(create_extractor({"name": "orb"}), np.zeros((1, 5000), np.uint8), 640)
    assert len(features) == 0


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (None, "found None; could its file be read"),
        (np.zeros((20, 20, 3), np.uint8), r"found \(20, 20, 3\) uint8; convert"),
        (np.zeros((20, 20), np.float32), r"found \(20, 20\) float32; convert"),
        (np.zeros((0, 20), np.uint8), r"found \(0, 20\) uint8"),
    ],
)
@pytest.mark.parametrize("name", ["orb", "fast", "sift", "superpoint-fast"])
def test_what_is_no_grey_image_is_told_in_a_sentence(name: str, image: object, found: str) -> None:
    extractor = create_extractor(name)
    for extract in (extractor.extract, lambda image: extract_at_most(extractor, image, 640)):
        with pytest.raises(ConfigError, match=rf"expected a grey image \(H,W\) uint8, {found}"):
            extract(image)  # type: ignore[arg-type]


FOUND = Features(
    np.ones((5, 2), np.float32), np.ones(5, np.float32), np.ones((5, 32), np.uint8), "hamming", np.ones(5, np.float32)
)


class Theirs:
    name, norm = "theirs", "hamming"

    def __init__(self, found: object) -> None:
        self.found = found

    def extract(self, image: object) -> object:
        return self.found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((FOUND.keypoints, FOUND.descriptors), "gave a tuple; expected Features"),
        (replace(FOUND, descriptors=FOUND.descriptors[:3]), r"gave keypoints \(5, 2\), .*, descriptors \(3, 32\)"),
        (replace(FOUND, keypoints=FOUND.keypoints[:, None]), r"keypoints \(5, 1, 2\).*; expected .*keypoints \(N,2\)"),
        (replace(FOUND, scores=FOUND.scores.tolist()), "scores no array"),
        (replace(FOUND, scales=None), "scales no array"),
        (replace(FOUND, keypoints=FOUND.keypoints * np.nan), "keypoints that are no numbers"),
    ],
)
@pytest.mark.parametrize("max_size", [None, 64])
def test_what_is_no_row_for_each_keypoint_is_told_in_a_sentence(found: object, message: str, max_size) -> None:
    with pytest.raises(PluginError, match=f"the extractor 'theirs' .*{message}"):
        extract_at_most(Theirs(found), np.zeros((100, 100), np.uint8), max_size)


def test_an_extractor_that_finds_nothing_needs_no_descriptors() -> None:
    """As OpenCV's own give them."""
    nothing = replace(FOUND.select(slice(0)), descriptors=None)
    assert len(extract_at_most(Theirs(nothing), np.zeros((100, 100), np.uint8), None)) == 0


def test_an_extractor_may_be_given_by_its_name_alone() -> None:
    assert create_extractor("binary-orb").name == "binary-orb"
    with pytest.raises(ConfigError, match="^extractor: Input should be a valid dictionary"):
        create_extractor(None)  # type: ignore[arg-type]
