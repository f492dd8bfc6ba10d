"""Photometric augmentation of batches in torch, with every amount drawn per image."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from slam_frontend.config import Section
from slam_frontend.training.compression import compress
from slam_frontend.training.draws import integers, normal, shuffled, uniform

Factor = Annotated[float, Field(ge=0, le=10)]


class PhotometricConfig(Section):
    """Largest changes, in grey levels where nothing else is said."""

    brightness: float = Field(default=50.0, ge=0, le=255)
    contrast: tuple[Factor, Factor] = (0.5, 1.5)
    noise: float = Field(default=10.0, ge=0, le=255)
    speckle: float = Field(default=0.0, ge=0, le=1)  # fraction of the pixels that turn black or white
    shade: float = Field(default=0.5, ge=0, le=1)  # strength of a soft shadow or highlight
    blur: int = Field(default=3, ge=0, le=64)  # length in pixels of the motion blur
    blur_fraction: float = Field(default=0.25, ge=0, le=1)  # of the images
    defocus: float = Field(default=0.0, ge=0, le=32)  # standard deviation in pixels of the widest Gaussian blur
    defocused_fraction: float = Field(default=0.15, ge=0, le=1)  # of the images
    quality: int = Field(default=100, ge=1, le=100)  # of the strongest compression, as JPEG counts; 100: none
    compressed_fraction: float = Field(default=0.5, ge=0, le=1)  # of the images


STRONG = PhotometricConfig(brightness=75, contrast=(0.3, 1.8), noise=15, speckle=0.0035, shade=0.8, blur=7)


def degrade(images: Tensor, config: PhotometricConfig, generator: torch.Generator) -> Tensor:
    """The images (B,1,H,W) in 0..1 on the generator's device as a worse camera would have taken them."""
    draws = uniform(generator, 5, len(images), 1, 1, 1)
    images = _shade(images, config.shade * (2 * draws[0] - 1), generator)
    low, high = config.contrast
    mean = images.mean((2, 3), keepdim=True)
    images = (images - mean) * (low + (high - low) * draws[1]) + mean
    images = images + (2 * draws[2] - 1) * config.brightness / 255
    images = _defocus(images, config, generator)
    images = _blur(images, config, generator)
    images = images + _noise(images, generator) * (draws[3] * config.noise / 255)
    if config.speckle:
        images = _speckle(images, config.speckle, generator)
    return _compress(images.clamp(0, 1), config, generator)


def relight(images: Tensor, generator: torch.Generator) -> Tensor:
    """The images (B,1,H,W) in 0..1 as another camera would have taken them later: brightness by .6 to 1.4 and 30 grey
    levels, noise of 6; drawn on the CPU, so that they are the same on any device."""
    light = torch.rand(len(images), 2, 1, 1, 1, generator=generator).to(images.device)
    noise = _noise(images, generator) * 6 / 255
    return (images * (0.6 + 0.8 * light[:, 0]) + (light[:, 1] * 60 - 30) / 255 + noise).clamp(0, 1)


def _shade(images: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    coarse = uniform(generator, len(images), 1, 4, 5)
    soft = F.interpolate(coarse, images.shape[-2:], mode="bilinear", align_corners=True)
    return images * (1 - strength * soft)


def _noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise on the images' device: one field per batch, shifted for each image, for the price of four
    images' numbers."""
    height, width = images.shape[-2:]
    field = normal(generator, 2 * height, 2 * width).to(images.device)
    rows = integers(generator, height, len(images)).to(images.device)
    columns = integers(generator, width, len(images)).to(images.device)
    return field.unfold(0, height, 1).unfold(1, width, 1)[rows, columns][:, None]


def _blur(images: Tensor, config: PhotometricConfig, generator: torch.Generator) -> Tensor:
    """Motion blur of a random direction and length for some of the images."""
    chosen = _some(images, config.blur_fraction, generator)
    if config.blur < 2:
        return images
    count = len(chosen)
    angles = uniform(generator, count) * math.pi
    lengths = 1 + uniform(generator, count) * (config.blur - 1)
    radius = config.blur // 2 + 1
    offsets = torch.arange(-radius, radius + 1, device=images.device).float()
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    along = x * angles.cos()[:, None, None] + y * angles.sin()[:, None, None]
    across = y * angles.cos()[:, None, None] - x * angles.sin()[:, None, None]
    kernels = (1 - across.abs()).clamp_min(0) * (lengths[:, None, None] / 2 + 0.5 - along.abs()).clamp(0, 1)
    return images.index_copy(0, chosen, _filter(images[chosen], kernels))


def _defocus(images: Tensor, config: PhotometricConfig, generator: torch.Generator) -> Tensor:
    """Gaussian blur of a random width for some of the images."""
    if config.defocus == 0:
        return images
    chosen = _some(images, config.defocused_fraction, generator)
    sigmas = (uniform(generator, len(chosen), 1) * config.defocus).clamp_min(0.1)
    radius = math.ceil(2.5 * config.defocus)
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    falloff = torch.exp(-((offsets / sigmas) ** 2) / 2)
    across = _filter(images[chosen], falloff[:, None])
    return images.index_copy(0, chosen, _filter(across, falloff[..., None]))


def _filter(images: Tensor, kernels: Tensor) -> Tensor:
    """Each image (B,1,H,W) by its own kernel (B,h,w), brought to a sum of 1; edges are repeated."""
    if not len(images):
        return images
    kernels = kernels / kernels.sum((1, 2), keepdim=True)
    rows, columns = (side // 2 for side in kernels.shape[1:])
    padded = F.pad(images.transpose(0, 1), (columns, columns, rows, rows), mode="replicate")
    return F.conv2d(padded, kernels[:, None], groups=len(images)).transpose(0, 1)


def _compress(images: Tensor, config: PhotometricConfig, generator: torch.Generator) -> Tensor:
    """Some of the images as their file or stream would show them; low qualities are drawn as often as high ones."""
    if config.quality == 100:
        return images
    chosen = _some(images, config.compressed_fraction, generator)
    qualities = 100 * (config.quality / 100) ** uniform(generator, len(chosen))
    return images.index_copy(0, chosen, compress(images[chosen], qualities))


def _some(images: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Indices of a fraction of the images, in the mean over many batches."""
    count = int(len(images) * fraction + uniform(generator, 1).item())  # few get it at times
    return shuffled(generator, len(images))[:count]


def _speckle(images: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Lone black and white pixels, up to the given fraction of each image."""
    batch, pixels = len(images), images[0].numel()
    count = max(1, int(fraction * pixels))
    where = integers(generator, pixels, batch, count)
    grey = integers(generator, 2, batch, count).float()
    used = uniform(generator, batch, 1) > uniform(generator, batch, count)
    flat = images.flatten(1)
    return flat.scatter(1, where, torch.where(used, grey, flat.gather(1, where))).view_as(images)
