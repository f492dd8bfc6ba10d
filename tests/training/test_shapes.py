"""Shapes are the same for the same seed, and their corners are where the image says."""

import cv2
import numpy as np
import pytest

from slam_frontend.training.rendering import SHEET_COLUMNS, SHEET_ZOOM, contact_sheet, render_many
from slam_frontend.training.shapes import FREQUENCIES, PRIMITIVES, render

NEGATIVES = {"ellipses", "noise"}


@pytest.mark.parametrize("primitive", list(PRIMITIVES))
def test_corners_lie_in_the_image_and_negatives_have_none(primitive):
    rng = np.random.default_rng(0)
    shapes = [render(rng, (120, 160), primitive) for _ in range(10)]
    for image, corners in shapes:
        assert image.shape == (120, 160) and image.dtype == np.uint8
        assert corners.dtype == np.float32
        assert (corners >= 0).all() and (corners <= (159, 119)).all()
    assert (sum(len(shape.corners) for shape in shapes) == 0) == (primitive in NEGATIVES)


def test_the_frequencies_are_those_of_all_primitives():
    assert len(FREQUENCIES) == len(PRIMITIVES)
    assert sum(FREQUENCIES) == pytest.approx(1)


def test_the_same_seed_gives_the_same_shapes():
    first, second = render_many(6, (120, 160), seed=4), render_many(6, (120, 160), seed=4)
    assert (first.images == second.images).all()
    assert not (first.images == render_many(6, (120, 160), seed=5).images).all()


def test_the_number_of_workers_does_not_change_the_shapes(monkeypatch):
    monkeypatch.setattr("slam_frontend.training.rendering.CHUNK", 3)
    alone, shared = (render_many(7, (48, 64), seed=1, workers=workers) for workers in (1, 2))
    assert (alone.images == shared.images).all() and alone.images.shape == (7, 48, 64)


def test_the_crossings_of_a_checkerboard_are_saddles_of_the_image():
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(20):
        image, corners = render(rng, (120, 160), "checkerboard")
        inner = corners[((corners > 8) & (corners < (151, 111))).all(1)]
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.01)
        found = cv2.cornerSubPix(image, inner[:, None].copy(), (3, 3), (-1, -1), criteria)[:, 0]
        errors += (found - inner).tolist()
    distances = np.linalg.norm(errors, axis=1)
    crossings = distances < 1  # the outer corners are no saddles
    assert crossings.mean() > 0.6
    assert np.median(distances[crossings]) < 0.3
    assert np.abs(np.mean(np.array(errors)[crossings], axis=0)).max() < 0.1


def test_a_contact_sheet_has_a_row_for_each_primitive():
    sheet = contact_sheet(seed=0, size=(40, 64))
    assert sheet.shape == (len(PRIMITIVES) * 40 * SHEET_ZOOM, SHEET_COLUMNS * 64 * SHEET_ZOOM, 3)
