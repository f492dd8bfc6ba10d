"""Photographs come from folders and tars alike, as grey images of one size."""

import shutil
import tarfile

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.errors import ConfigError, FrontendError
from slam_frontend.training.datasets import load_labels, load_photos, load_shapes, pack, save_shapes, shard_path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number, name in enumerate(["b.png", "a.jpg", "deeper/c.png"]):
        cv2.imwrite(str(folder / name), np.full((90, 100 + 20 * number, 3), 50 * (number + 1), np.uint8))
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_and_a_tar_of_it_give_the_same(folder, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(folder, arcname=".")
    photos = load_photos((folder,), (48, 64), tmp_path / "a.pt")
    assert photos.shape == (3, 48, 64) and photos.dtype == torch.uint8
    assert sorted(int(photo.float().mean().round()) for photo in photos) == [50, 100, 150]
    archived = load_photos((tmp_path / "photos.tar",), (48, 64), tmp_path / "b.pt")
    assert sorted(map(int, photos.sum((1, 2)))) == sorted(map(int, archived.sum((1, 2))))


def test_the_cache_is_enough_afterwards(folder, tmp_path):
    photos = load_photos((folder,), (48, 64), tmp_path / "a.pt")
    assert torch.equal(load_photos((tmp_path / "gone",), (48, 64), tmp_path / "a.pt"), photos)


def test_the_cache_is_not_taken_for_other_photographs(folder, tmp_path):
    photos = load_photos((folder,), (48, 64), tmp_path / "a.pt")
    shutil.copytree(folder, tmp_path / "photos2")
    with pytest.raises(ConfigError, match=r"a\.pt: expected the photographs of .*photos2 .*found those of .*photos "):
        load_photos((tmp_path / "photos2",), (48, 64), tmp_path / "a.pt")
    assert torch.equal(load_photos((), (48, 64), tmp_path / "a.pt"), photos)
    (tmp_path / "a.json").unlink()  # as one of an older version, or copied alone
    assert torch.equal(load_photos((tmp_path / "photos2",), (48, 64), tmp_path / "a.pt"), photos)


def test_the_cache_is_not_taken_for_a_folder_that_has_grown(folder, tmp_path):
    load_photos((folder,), (48, 64), tmp_path / "a.pt")
    (folder / "notes.txt").write_text("still no image")
    load_photos((folder,), (48, 64), tmp_path / "a.pt")
    shutil.copy(folder / "b.png", folder / "d.png")
    with pytest.raises(ConfigError, match="expected the photographs"):
        load_photos((folder,), (48, 64), tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("name", "sentence"), [("nowhere", "does not exist"), ("broken.png", "neither a folder nor a readable tar")]
)
def test_what_is_no_folder_and_no_tar_is_refused(tmp_path, name, sentence):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(FrontendError, match=sentence):
        load_photos((tmp_path / name,), (48, 64), tmp_path / "a.pt")


def test_an_image_that_cannot_be_decoded_is_left_out(folder, tmp_path, caplog):
    (folder / "broken.png").write_bytes(b"not a picture")
    assert len(load_photos((folder,), (48, 64), tmp_path / "a.pt")) == 3
    assert "broken.png is left out" in caplog.text


def test_the_cache_is_not_taken_for_photographs_of_another_size(folder, tmp_path):
    load_photos((folder,), (48, 64), tmp_path / "a.pt")
    with pytest.raises(ConfigError, match=r"a\.pt: holds photographs of 48x64 pixels, and photo_size says 24x32"):
        load_photos((folder,), (24, 32), tmp_path / "a.pt")


def test_no_images_and_no_paths_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FrontendError, match="no photograph found"):
        load_photos((tmp_path / "empty",), (48, 64), tmp_path / "a.pt")
    with pytest.raises(ConfigError, match="none are named"):
        load_photos((), (48, 64), tmp_path / "a.pt")


def test_shapes_come_back_from_their_cache(tmp_path):
    images = [np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8)]
    save_shapes(tmp_path / "s.pt", pack(images, [np.array([[1.0, 2.0]]), np.empty((0, 2))]))
    shapes = load_shapes(tmp_path / "s.pt")
    assert shapes.images.sum() == 64
    assert shapes.points[0, 0].tolist() == [1, 2] and shapes.points[1].isnan().all()


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_file_that_was_cut_is_named_with_what_to_do(folder, tmp_path, share):
    photos, shapes, labels = tmp_path / "a.pt", tmp_path / "s.pt", shard_path(tmp_path, 0)
    load_photos((folder,), (48, 64), photos)
    save_shapes(shapes, pack([np.zeros((64, 64), np.uint8)], [np.array([[1.0, 2.0]])]))
    torch.save(torch.zeros(3, 300, 3), labels)
    for path in (photos, shapes, labels):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ConfigError, match=r"a\.pt: is empty or damaged; delete it, and it is made"):
        load_photos((folder,), (48, 64), photos)
    with pytest.raises(
        ConfigError, match=r"s\.pt: is empty or damaged; delete it and run `slam-frontend train shapes`"
    ):
        load_shapes(shapes)
    with pytest.raises(ConfigError, match=r"shard_000000\.pt: is empty or damaged; .*train label"):
        load_labels(tmp_path)


@pytest.mark.parametrize("text", ["", '{"photos": 1', "3", "[1]"])
def test_a_note_that_is_damaged_is_named(folder, tmp_path, text):
    load_photos((folder,), (48, 64), tmp_path / "a.pt")
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.json: is damaged .* delete it"):
        load_photos((folder,), (48, 64), tmp_path / "a.pt")
