"""A network that nobody trained and yet finds keypoints, and pictures for it."""

import cv2
import numpy as np
import torch

from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint


def random_network(config=FAST, norm=False):
    """A network whose skip, which begins with zeros, says something."""
    torch.manual_seed(0)
    network = SuperPoint(config, norm)
    if config.skip:
        torch.nn.init.normal_(network.layer("convPs").weight, std=0.03)
    return network


def save_random(path):
    """The checkpoint of a random network whose detector is sure of something, at the path; the network."""
    network = random_network()
    with torch.no_grad():
        network.layer("convPb").weight.mul_(80)
    save_checkpoint(path, network, Card(name="random", network=FAST, threshold=0.02))
    return network


def image_of(height, width, seed=0):
    """Smooth noise (H,W) uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
