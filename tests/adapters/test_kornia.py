"""kornia's own matchers take our features."""

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.adapters.kornia import LocalFeature
from slam_frontend.adapters.lightglue import Extractor
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.features import create_extractor

H_1_0 = np.array([[0.96, -0.08, 14.0], [0.07, 0.98, -6.0], [1e-4, -5e-5, 1.0]])
SETTINGS = {"max_keypoints": 300}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """A picture and its warp by H_1_0."""
    picture = RenderedSequence(RenderConfig(width=320, height=240))[3].image
    warped = cv2.warpPerspective(picture, H_1_0, picture.shape[::-1], borderMode=cv2.BORDER_REFLECT)
    return torch.from_numpy(np.stack([picture, warped]))[:, None].float() / 255


def assert_follow(keypoints0: np.ndarray, keypoints1: np.ndarray) -> None:
    """Most matches are where the homography says."""
    expected = cv2.perspectiveTransform(keypoints0[None].astype(np.float64), H_1_0)[0]
    is_right = np.linalg.norm(expected - keypoints1, axis=1) < 3
    assert is_right.sum() > 80
    assert is_right.mean() > 0.8


def test_frames_stand_where_the_keypoints_are_and_are_filled_up_with_zeros(images: torch.Tensor) -> None:
    half = images[:1].clone()
    half[..., 60:] = 128 / 255
    frames, responses, descriptors = LocalFeature("sift", **SETTINGS)(torch.cat([images[:1], half]))
    features = create_extractor({"name": "sift", **SETTINGS}).extract((half[0, 0] * 255).round().byte().numpy())
    assert frames.shape == (2, 300, 2, 3) and responses.shape == (2, 300) and descriptors.shape == (2, 300, 128)
    assert np.array_equal(frames[1, : len(features), :, 2], features.keypoints)
    assert 20 < len(features) < 300
    assert not frames[1, len(features) :].any() and not descriptors[1, len(features) :].any()


def test_nothing_is_found_where_the_mask_is_zero(images: torch.Tensor) -> None:
    mask = torch.zeros_like(images)
    mask[..., 160:] = 1
    frames, responses, _ = LocalFeature("orb", **SETTINGS)(images, mask)
    is_found = responses > 0
    assert is_found.any(1).all() and not is_found.all()
    assert frames[is_found][:, 0, 2].round().min() >= 160
    assert not frames[~is_found].any()


@pytest.mark.parametrize("name", ["sift", "superpoint-fast", "orb"])
def test_kornias_matcher_of_images_finds_the_homography(name: str, images: torch.Tensor) -> None:
    feature = pytest.importorskip("kornia.feature", reason="kornia is not installed: pip install kornia")
    matcher = feature.LocalFeatureMatcher(LocalFeature(name, **SETTINGS), feature.DescriptorMatcher("mnn"))
    found = matcher({"image0": images[:1], "image1": images[1:]})
    assert_follow(found["keypoints0"].numpy(), found["keypoints1"].numpy())


def test_kornias_matchers_of_descriptors_take_the_dictionaries(images: torch.Tensor) -> None:
    feature = pytest.importorskip("kornia.feature", reason="kornia is not installed: pip install kornia")
    extractor = Extractor("superpoint-fast", **SETTINGS)
    found0, found1 = extractor.extract(images[0]), extractor.extract(images[1])
    for match in (feature.match_mnn, feature.DescriptorMatcher("smnn", 0.95)):
        _, rows = match(found0["descriptors"][0], found1["descriptors"][0])
        assert_follow(found0["keypoints"][0, rows[:, 0]].numpy(), found1["keypoints"][0, rows[:, 1]].numpy())
