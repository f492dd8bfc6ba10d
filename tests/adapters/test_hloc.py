"""hloc's way of reading finds what we found."""

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from slam_frontend.adapters.hloc import export_hloc, similarity
from slam_frontend.datasets.pictures import read_picture
from slam_frontend.errors import SequenceError
from slam_frontend.features import create_extractor
from slam_frontend.matching import create_matcher

PAIR = ("more/view1.jpg", "view10.jpg")


def list_names(path: Path) -> set[str]:
    """Names of the groups that hold data, as hloc lists them."""
    names = set()
    with h5py.File(path) as file:
        file.visititems(lambda _, item: names.add(item.parent.name.strip("/")) if hasattr(item, "shape") else None)
    return names


def read_matches(path: Path, name0: str, name1: str) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(path) as file:
        group = file[f"{name0.replace('/', '-')}/{name1.replace('/', '-')}"]
        partners, scores = group["matches0"][()], group["matching_scores0"][()]
    rows = np.flatnonzero(partners != -1)
    return np.stack([rows, partners[rows]], 1), scores[rows]


def test_every_image_and_every_pair_is_there(make_job, photos: Path) -> None:
    job = make_job()
    export_hloc(job)
    assert list_names(job.out / "features.h5") == set(job.names)
    assert list_names(job.out / "matches.h5") == {
        "more-view1.jpg/view2.jpg",
        "more-view1.jpg/view10.jpg",
        "view2.jpg/view10.jpg",
    }
    assert [tuple(line.split()) for line in (job.out / "pairs.txt").read_text().splitlines()] == job.pairs


@pytest.mark.parametrize(("half", "kind", "tolerance"), [(True, np.float16, 0.126), (False, np.float32, 0)])
def test_features_are_laid_out_as_hloc_reads_them(make_job, photos: Path, half: bool, kind, tolerance) -> None:
    job = make_job("sift")
    export_hloc(job, half)
    found = create_extractor(job.extractor).extract(read_picture(photos / PAIR[0])[0])
    with h5py.File(job.out / "features.h5") as file:
        group = file[PAIR[0]]
        keypoints, descriptors = group["keypoints"][()], group["descriptors"][()]
        assert {group[name].dtype for name in ("keypoints", "scores", "descriptors")} == {np.dtype(kind)}
        assert group["image_size"][()].tolist() == [320, 240]
        assert group["keypoints"].attrs["uncertainty"] > 0
        assert group["scores"].shape == (len(found),)
    assert descriptors.shape == (128, len(found))
    assert np.abs(keypoints - found.keypoints).max() <= tolerance
    assert np.allclose(descriptors.T, found.descriptors, atol=1e-3)


def test_keypoints_of_shrunk_images_are_in_pixels_of_the_original_and_less_certain(make_job) -> None:
    job = make_job("fast", max_size=160)
    export_hloc(job, half=False)
    picture = read_picture(job.images / PAIR[0])[0]
    found = create_extractor(job.extractor).extract(cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA))
    with h5py.File(job.out / "features.h5") as file:
        keypoints = file[PAIR[0]]["keypoints"]
        assert np.allclose(keypoints[()], (found.keypoints + 0.5) * 2 - 0.5)
        assert keypoints.attrs["uncertainty"] == 2
        assert file[PAIR[0]]["image_size"][()].tolist() == [320, 240]


def test_a_turned_photograph_has_its_keypoints_where_hloc_reads_its_pixels(make_job, held_upright: Path) -> None:
    """hloc and COLMAP don't heed EXIF's orientation."""
    job = make_job()
    export_hloc(job, half=False)
    found = create_extractor(job.extractor).extract(cv2.imread(str(held_upright), cv2.IMREAD_IGNORE_ORIENTATION))
    with h5py.File(job.out / "features.h5") as file:
        assert file[held_upright.name]["image_size"][()].tolist() == [320, 240]
        assert np.array_equal(file[held_upright.name]["keypoints"][()], found.keypoints)


def test_a_link_that_leads_nowhere_is_left_out_and_said(make_job, photos: Path) -> None:
    (photos / "view3.jpg").symlink_to("gone.jpg")
    job = make_job()
    report = export_hloc(job)
    assert report is not None and report.images == 3
    (sentence,) = report.skipped
    assert "view3.jpg: can't be read" in sentence
    assert list_names(job.out / "features.h5") == set(job.names) - {"view3.jpg"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("view 2.jpg", r"view 2\.jpg: hloc takes a space in pairs\.txt for the end of a name"),
        ("more-view1.jpg", r"hloc takes more-view1\.jpg and more/view1\.jpg for one image"),
    ],
)
def test_a_name_that_hloc_would_misread_is_refused_before_any_work(make_job, photos: Path, name, sentence) -> None:
    (photos / "view2.jpg").rename(photos / name)
    job = make_job()
    with pytest.raises(SequenceError, match=sentence):
        export_hloc(job)
    assert not job.out.exists()


@pytest.mark.parametrize("extractor", ["orb", "sift"])
def test_matches_are_those_of_our_matcher(make_job, photos: Path, extractor: str) -> None:
    job = make_job(extractor)
    export_hloc(job)
    features0, features1 = (create_extractor(job.extractor).extract(read_picture(photos / n)[0]) for n in PAIR)
    expected = create_matcher(job.matcher).match(features0, features1)
    indices, scores = read_matches(job.out / "matches.h5", *PAIR)
    assert len(indices) > 50
    assert np.array_equal(indices, expected.indices)
    assert scores.dtype == np.float16 and np.all((scores > 0.5) & (scores <= 1))


def test_bits_become_vectors_that_hloc_can_match(make_job) -> None:
    """The cosine of two of them counts the bits that agree."""
    job = make_job("orb")
    export_hloc(job)
    indices, scores = read_matches(job.out / "matches.h5", *PAIR)
    with h5py.File(job.out / "features.h5") as file:
        descriptors0, descriptors1 = (file[name]["descriptors"][()].T.astype(np.float32) for name in PAIR)
    assert descriptors0.shape[1] == 256
    cosines = np.sum(descriptors0[indices[:, 0]] * descriptors1[indices[:, 1]], axis=1)
    assert np.allclose((cosines + 1) / 2, scores, atol=2e-3)


def test_equal_descriptors_are_wholly_similar_and_opposite_ones_not_at_all() -> None:
    assert similarity(np.array([0.0, 2.0]), "l2").tolist() == [1, 0]
    assert similarity(np.array([0.0, 1.0]), "hamming").tolist() == [1, 0]
