"""Degraded images stay images, the amounts are those asked for, and the seed decides."""

import torch

from slam_frontend.training.photometric import STRONG, PhotometricConfig, degrade, relight

NOTHING = PhotometricConfig(brightness=0, contrast=(1, 1), noise=0, shade=0, blur_fraction=0)
IMAGES = torch.rand(8, 1, 48, 64, generator=torch.Generator().manual_seed(0))


def degraded(config, images=IMAGES, seed=1):
    return degrade(images, config, torch.Generator().manual_seed(seed))


def test_no_amount_changes_nothing():
    torch.testing.assert_close(degraded(NOTHING), IMAGES)


def test_the_strongest_amounts_keep_the_range():
    result = degraded(STRONG)
    assert result.shape == IMAGES.shape
    assert result.min() >= 0 and result.max() <= 1
    assert (result - IMAGES).abs().mean() > 0.02


def test_the_seed_decides():
    assert torch.equal(degraded(STRONG), degraded(STRONG))
    assert not torch.equal(degraded(STRONG), degraded(STRONG, seed=2))


def test_the_noise_is_different_for_each_image_and_never_stronger_than_asked():
    grey = torch.full((32, 1, 48, 64), 0.5)
    noise = degraded(NOTHING.model_copy(update={"noise": 10.0}), grey) - 0.5
    deviations = noise.std((1, 2, 3)) * 255
    assert deviations.max() < 10.5
    assert deviations.max() > 2 * deviations.min()
    assert not torch.equal(noise[0] / deviations[0], noise[1] / deviations[1])


def test_a_flat_image_changes_by_the_brightness_at_most():
    grey = torch.full((64, 1, 16, 16), 0.5)
    changes = (degraded(NOTHING.model_copy(update={"brightness": 20.0}), grey).mean((1, 2, 3)) - 0.5) * 255
    assert -20.01 < changes.min() < -15 and 15 < changes.max() < 20.01


def test_blur_keeps_the_mean_and_lowers_the_contrast_of_its_share():
    result = degraded(NOTHING.model_copy(update={"blur": 7, "blur_fraction": 0.5}))
    changed = (result - IMAGES).abs().amax((1, 2, 3)) > 1e-4
    assert int(changed.sum()) == 4
    torch.testing.assert_close(result.mean((1, 2, 3)), IMAGES.mean((1, 2, 3)), atol=0.02, rtol=0)
    assert (result.std((1, 2, 3))[changed] < IMAGES.std((1, 2, 3))[changed]).all()


def test_defocus_spreads_a_point_evenly_for_its_share():
    point = torch.zeros(64, 1, 33, 33)
    point[:, :, 16, 16] = 1
    result = degraded(NOTHING.model_copy(update={"defocus": 3.0, "defocused_fraction": 0.5}), point)
    changed = (result - point).abs().amax((1, 2, 3)) > 1e-4
    assert 28 <= int(changed.sum()) <= 32  # the narrowest of them change nothing
    spread = result[changed]
    torch.testing.assert_close(spread.sum((1, 2, 3)), torch.ones(len(spread)))
    offsets = torch.arange(33.0) - 16
    across, along = ((spread.sum(axes) * offsets**2).sum(1).sqrt() for axes in ((1, 2), (1, 3)))
    torch.testing.assert_close(across, along)
    assert 2 < across.max() < 3.01


def test_small_batches_have_their_share_of_blur_over_many():
    config = NOTHING.model_copy(update={"blur": 7, "blur_fraction": 0.25})
    results = [degraded(config, IMAGES[:2], seed) for seed in range(200)]
    changed = sum(int(((result - IMAGES[:2]).abs().amax((1, 2, 3)) > 1e-4).sum()) for result in results)
    assert 70 < changed < 130


def test_a_share_of_the_images_is_compressed_and_keeps_its_mean():
    result = degraded(NOTHING.model_copy(update={"quality": 10, "compressed_fraction": 0.5}))
    changed = (result - IMAGES).abs().amax((1, 2, 3)) > 1e-4
    assert int(changed.sum()) == 4
    torch.testing.assert_close(result.mean((1, 2, 3)), IMAGES.mean((1, 2, 3)), atol=0.02, rtol=0)


def test_speckle_is_black_and_white_and_rare():
    grey = torch.full((8, 1, 48, 64), 0.5)
    result = degraded(NOTHING.model_copy(update={"speckle": 0.01}), grey)
    hit = result != 0.5
    assert set(result[hit].unique().tolist()) <= {0.0, 1.0}
    assert 0 < hit.float().mean() <= 0.01


def test_relit_views_have_light_and_noise_of_their_own():
    grey = torch.full((8, 1, 48, 64), 0.5)
    views = relight(grey, torch.Generator().manual_seed(3))
    assert torch.equal(views, relight(grey, torch.Generator().manual_seed(3)))
    light = views.mean((1, 2, 3))
    assert light.std() > 0.05 and light.min() > 0.15 and light.max() < 0.85
    noise = (views - light[:, None, None, None]).flatten(1)
    torch.testing.assert_close(noise.std(1), torch.full((8,), 6 / 255), rtol=0.1, atol=0)
    assert (torch.corrcoef(noise) - torch.eye(8)).abs().max() < 0.1
