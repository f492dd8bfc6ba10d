"""The tensor dictionaries that LightGlue and its relatives pass around."""

import numpy as np
import pytest
import torch

from slam_frontend.adapters.lightglue import Extractor, Matcher
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.errors import ConfigError, FrontendError
from slam_frontend.features import create_extractor
from slam_frontend.matching import create_matcher


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    sequence = RenderedSequence(RenderConfig(width=320, height=240))
    return [sequence[index].image for index in (0, 3)]


def to_tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures))[:, None].float() / 255


@pytest.mark.parametrize(("name", "width"), [("sift", 128), ("orb", 256)])
def test_a_batch_holds_what_the_extractor_finds_in_each_image(name: str, width: int, pictures) -> None:
    found = Extractor(name, max_keypoints=200)({"image": to_tensor(pictures)})
    expected = [create_extractor({"name": name, "max_keypoints": 200}).extract(picture) for picture in pictures]
    count = max(map(len, expected))
    assert {key: tuple(value.shape) for key, value in found.items()} == {
        "keypoints": (2, count, 2),
        "keypoint_scores": (2, count),
        "descriptors": (2, count, width),
    }
    for row, features in enumerate(expected):
        assert np.array_equal(found["keypoints"][row, : len(features)], features.keypoints)
        assert torch.allclose(found["descriptors"][row, : len(features)].norm(dim=1), torch.ones(len(features)))


def test_a_name_may_say_the_precision(pictures) -> None:
    found = Extractor("superpoint-fast:float")({"image": to_tensor(pictures[:1])})
    expected = create_extractor("superpoint-fast:float").extract(pictures[0])
    assert np.array_equal(found["descriptors"][0], expected.descriptors)


def test_images_with_fewer_keypoints_are_filled_with_rows_of_score_zero(pictures) -> None:
    half = pictures[0].copy()
    half[:, 60:] = 128
    found = Extractor("sift", max_keypoints=400)({"image": to_tensor([pictures[0], half])})
    number = len(create_extractor({"name": "sift", "max_keypoints": 400}).extract(half))
    assert 20 < number < found["keypoints"].shape[1]
    assert (found["keypoint_scores"][1, :number] > 0).all()
    for name in found:
        assert not found[name][1, number:].any()


def test_extract_takes_colour_and_says_the_size(pictures) -> None:
    extractor = Extractor("sift", max_keypoints=100)
    grey = extractor.extract(to_tensor(pictures)[0])
    colour = extractor.extract(to_tensor(pictures)[0].expand(3, -1, -1))
    assert grey["image_size"].tolist() == colour["image_size"].tolist() == [[320, 240]]
    assert torch.equal(grey["keypoints"], colour["keypoints"])


def test_keypoints_of_a_resized_image_lie_in_the_image(pictures) -> None:
    extractor = Extractor("sift", max_keypoints=100)
    doubled = extractor.extract(to_tensor(pictures)[0], resize=640)
    as_it_is = extractor.extract(to_tensor(pictures)[0])["keypoints"][0]
    assert doubled["image_size"].tolist() == [[320, 240]]
    offsets = doubled["keypoints"][0][:, None] - as_it_is
    nearest = offsets[torch.arange(100), offsets.norm(dim=2).argmin(1)]
    found_again = nearest[nearest.norm(dim=1) < 1]
    assert len(found_again) > 40
    assert found_again.mean(0).abs().max() < 0.1  # a shift by half a pixel of either image would show


def test_our_matcher_speaks_lightglues_language(pictures) -> None:
    settings = {"name": "sift", "max_keypoints": 300}
    extractor, features = Extractor(**settings), [create_extractor(settings).extract(picture) for picture in pictures]
    data = {f"image{side}": extractor.extract(to_tensor(pictures)[side]) for side in (0, 1)}
    result = Matcher()(data)
    expected = create_matcher({}).match(*features).indices
    assert len(expected) > 100
    assert np.array_equal(result["matches"][0].numpy(), expected)
    assert np.array_equal(result["matches0"][0].numpy()[expected[:, 0]], expected[:, 1])
    assert np.array_equal(result["matches1"][0].numpy()[expected[:, 1]], expected[:, 0])
    assert (result["matches0"] >= 0).sum() == (result["matches1"] >= 0).sum() == len(expected)
    assert torch.equal(result["matching_scores0"][0] > 0, result["matches0"][0] >= 0)
    assert result["scores"][0].min() > 0.5


@pytest.mark.parametrize("name", ["orb", "fast"])
def test_our_matcher_matches_bits_as_they_are_matched_elsewhere(name: str, pictures) -> None:
    extractor = Extractor(name, max_keypoints=300)
    data = {f"image{side}": extractor.extract(to_tensor(pictures)[side]) for side in (0, 1)}
    features = [create_extractor({"name": name, "max_keypoints": 300}).extract(picture) for picture in pictures]
    expected = create_matcher({}).match(*features).indices
    found = Matcher()(data)["matches"][0].numpy()
    assert len(expected) > 50
    assert len(set(map(tuple, found)) ^ set(map(tuple, expected))) <= 2  # rounding decides where the ratio is just met


def test_bytes_are_refused(pictures) -> None:
    with pytest.raises(FrontendError, match=r"floats in 0\.\.1"):
        Extractor("orb")({"image": torch.from_numpy(pictures[0])[None, None]})


def test_images_in_0_to_255_are_refused_and_what_resizing_adds_is_not(pictures) -> None:
    extractor = Extractor("orb")
    with pytest.raises(FrontendError, match=r"floats in 0\.\.1, found 2\d\d; divide by 255 first"):
        extractor.extract(255 * to_tensor(pictures)[0])
    doubled = torch.nn.functional.interpolate(to_tensor(pictures), scale_factor=2.0, mode="bicubic")
    doubled[:, :, 100:110, 100:110] = 1.2
    assert extractor({"image": doubled})["keypoints"].shape[1] > 100


def test_half_floats_are_resized_and_their_size_is_exact(pictures) -> None:
    exact = Extractor("orb").extract(to_tensor(pictures)[0], resize=640)
    found = Extractor("orb").extract(to_tensor(pictures)[0].half(), resize=640)
    assert found["image_size"].tolist() == exact["image_size"].tolist()
    assert found["keypoints"].dtype == torch.float32


def test_mistakes_are_told_in_a_sentence(pictures) -> None:
    extractor = Extractor("orb")
    for images in (torch.from_numpy(pictures[0])[None], to_tensor(pictures)[:0]):
        with pytest.raises(FrontendError, match=r"floats in 0\.\.1"):
            extractor.extract(images)
    with pytest.raises(ConfigError, match="Matcher: ratios is unknown, did you mean ratio"):
        Matcher(ratios=0.8)
