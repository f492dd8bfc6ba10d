"""Compression in torch is that of a JPEG file."""

import cv2
import numpy as np
import pytest
import torch

from slam_frontend.training.compression import compress


def photograph_like(height, width):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (height, width)), (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.mark.parametrize("quality", [5, 20, 50, 80, 95])
def test_an_image_comes_back_as_from_a_file(quality):
    image = photograph_like(67, 101)  # neither is a whole number of blocks
    expected = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    result = compress(torch.from_numpy(image)[None, None] / 255, torch.tensor([float(quality)]))[0, 0].numpy() * 255
    harm = np.abs(expected - image.astype(float)).mean()
    assert np.abs(result - expected).mean() < max(0.4, 0.15 * harm)  # libjpeg rounds the levels and its cosines


def test_each_image_has_its_own_quality():
    images = (torch.from_numpy(photograph_like(64, 64)) / 255).expand(3, 1, 64, 64)
    harm = (compress(images, torch.tensor([5.0, 30.0, 100.0])) - images).abs().mean((1, 2, 3)) * 255
    assert harm[0] > 1.5 * harm[1] > 1.5 * harm[2]
    assert harm[2] < 0.5
