"""Scenes as arrays: cameras and lines where they belong, a floor below, a view that shows everything."""

import numpy as np
import pytest
from synthetic import curved_path

from slam_frontend.types import Array
from slam_frontend.viz.space.framing import FIELD_OF_VIEW_DEG, Viewpoint, behind, overview
from slam_frontend.viz.space.frusta import outlines, pieces, tubes
from slam_frontend.viz.space.legend import Entry, draw_legend, floor_entry
from slam_frontend.viz.space.scene import (
    Cameras,
    Path3d,
    Scene,
    by_age,
    floor_below,
    join,
    on_paper,
    round_number,
    thinned,
    upward,
)

DOWN_IS_Y = np.array([0.0, -1.0, 0.0])


def length(pieces: Array) -> float:
    return float(np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1).sum())


def volume(vertices: Array, triangles: Array) -> float:
    """Of a closed surface whose triangles are all turned outwards."""
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def test_a_camera_opens_forwards_with_its_roof_up() -> None:
    T_world_cam = np.eye(4)
    T_world_cam[:3, 3] = (5, 6, 7)
    points = outlines(T_world_cam[None], depth=2.0, half=(0.5, 0.25)).reshape(-1, 3) - (5, 6, 7)
    assert set(points[:, 2].round(9)) == {0.0, 2.0}  # z is forward
    assert np.abs(points[:, 0]).max() == pytest.approx(1.0)
    assert points[:, 1].max() == pytest.approx(0.5)
    assert points[:, 1].min() < -0.5  # the roof, since y points down


def test_pieces_cover_a_path_but_not_its_gaps() -> None:
    path = np.stack([np.linspace(0, 10, 201), np.zeros(201), np.zeros(201)], axis=1)
    assert length(pieces(path, 0.1)) == pytest.approx(10)
    path[80:121] = np.nan
    cut = pieces(path, 0.1)
    assert length(cut) == pytest.approx(10 - 42 * 0.05)
    assert not ((cut[:, :, 0] > 4) & (cut[:, :, 0] < 6)).any()


def test_a_dashed_path_is_half_there() -> None:
    path = np.stack([np.linspace(0, 10, 11), np.zeros(11), np.zeros(11)], axis=1)
    assert length(pieces(path, 0.02, is_dashed=True)) == pytest.approx(5, abs=0.1)


def test_a_camera_that_stands_still_has_no_path() -> None:
    still = np.tile([1.0, 2.0, 3.0], (9, 1))
    vertices, triangles = tubes(pieces(still, 0.1), np.full((len(pieces(still, 0.1)), 2), 0.05))
    assert len(vertices) == len(triangles) == 0


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, -1, 0), (0.3, 0.5, -0.8)])
def test_a_tube_is_closed_and_as_wide_as_asked_for(direction: tuple[float, float, float]) -> None:
    end = 4 * np.array(direction) / np.linalg.norm(direction)
    vertices, triangles = tubes(np.array([[[0, 0, 0], end]]), np.array([[0.1, 0.1]]), sides=64)
    along = vertices @ end / 4
    assert np.linalg.norm(vertices - along[:, None] * end / 4, axis=1).max() == pytest.approx(0.1)
    assert abs(volume(vertices, triangles)) == pytest.approx(np.pi * 0.01 * 4.1, rel=0.01)


def test_up_is_the_axis_that_cameras_stand_along() -> None:
    assert upward(curved_path(20)).tolist() == [0, -1, 0]
    z_up = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    assert upward(z_up @ curved_path(20)).tolist() == [0, 0, 1]


def test_the_floor_lies_below_with_round_tiles() -> None:
    points = np.random.default_rng(0).uniform((-4, -1, 2), (4, 1.5, 9), (500, 3))
    floor = floor_below(points, DOWN_IS_Y)
    assert floor.step == 1.0
    heights = floor.lines[:, :, 1]
    assert np.ptp(heights) < 1e-9 and 1.3 < heights.mean() < 1.5  # y points down
    crossings = np.concatenate([floor.lines[..., 0], floor.lines[..., 2]])
    np.testing.assert_allclose(crossings, crossings.round(), atol=1e-9)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.3, 0.5), (1, 1), (1.1, 2), (4.9, 5), (5.1, 10), (0.02, 0.02), (0, 1)]
)
def test_tiles_have_round_lengths(value: float, expected: float) -> None:
    assert round_number(value) == pytest.approx(expected)


def test_cameras_that_are_drawn_are_apart_wherever_the_path_returns() -> None:
    there = curved_path(40)
    kept = thinned(np.concatenate([there, there[::-1]]), 0.1)
    gaps = np.linalg.norm(kept[:, None, :3, 3] - kept[None, :, :3, 3], axis=2) + np.eye(len(kept))
    assert 4 < len(kept) < 15 and gaps.min() >= 0.1


@pytest.mark.parametrize("aspect", [0.6, 1.0, 2.0])
def test_an_overview_shows_everything_and_not_much_else(aspect: float) -> None:
    points = np.random.default_rng(1).uniform((-3, -2, 1), (5, 1, 30), (400, 3))
    view = overview(points, np.array([0.0, 0, 1]), DOWN_IS_Y, aspect)
    right = np.cross(view.up, view.front)
    offsets = points - view.eye
    tangent = np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2)
    x = offsets @ right / -(offsets @ view.front) / (tangent * aspect)
    y = offsets @ view.up / -(offsets @ view.front) / tangent
    largest = max(np.abs(x).max(), np.abs(y).max())
    assert 0.85 < largest <= 1.0
    assert (view.eye - points.mean(axis=0)) @ DOWN_IS_Y > 0  # from above


def test_the_eye_is_behind_a_camera_even_if_it_looks_down() -> None:
    front, up = behind(np.array([0.0, 0, 1]), DOWN_IS_Y)
    assert front[2] < 0 and front[1] < 0 and up[1] < 0
    front, up = behind(np.array([0.0, 1, 0]), DOWN_IS_Y)
    assert np.isfinite(front).all() and front @ up == pytest.approx(0)


def test_a_view_beside_a_panel_moves_what_mattered_to_the_right() -> None:
    view = Viewpoint(np.zeros(3), np.array([0.0, 0, -1]), DOWN_IS_Y, 10.0)
    moved = view.beside(0.5, aspect=1.0)
    width = 2 * 10 * np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2)
    np.testing.assert_allclose(moved.lookat, (-width / 4, 0, 0), atol=1e-9)  # the eye goes left


def test_a_scene_moves_and_joins_as_a_whole() -> None:
    cameras = Cameras("#0072B2", curved_path(3), 0.1)
    scene = Scene(
        DOWN_IS_Y, (Path3d("#0072B2", curved_path(9)[:, :3, 3]),), np.zeros((1, 3)), (cameras,), np.eye(3),
        by_age(3), (floor_below(np.eye(3), DOWN_IS_Y),),
    )  # fmt: skip
    both = join([scene, scene.moved(np.array([2.0, 0, 0]))])
    for first, second in (
        (both.paths[0].positions, both.paths[1].positions),
        (both.starts[0], both.starts[1]),
        (both.cameras[0].T_world_cam[:, :3, 3], both.cameras[1].T_world_cam[:, :3, 3]),
        (both.points[:3], both.points[3:]),
        (both.floors[0].lines, both.floors[1].lines),
    ):
        np.testing.assert_allclose(second - first, np.broadcast_to([2.0, 0, 0], first.shape), atol=1e-12)
    assert len(both.colours) == 6


def test_far_landmarks_do_not_decide_what_is_shown() -> None:
    near, far = np.random.default_rng(2).normal(size=(90, 3)), np.full((10, 3), 1000.0)
    scene = Scene(DOWN_IS_Y, (Path3d("#0072B2", curved_path(9)[:, :3, 3]),), points=np.concatenate([near, far]))
    assert np.abs(scene.heart()).max() < 10


def test_ages_go_from_dark_to_light_without_needing_hues() -> None:
    brightness = by_age(50).astype(float) @ (0.299, 0.587, 0.114)
    assert (np.diff(brightness) > -1).all() and np.ptp(brightness) > 100
    assert by_age(0).shape == (0, 3)


def test_white_landmarks_can_be_seen_on_white() -> None:
    assert on_paper(np.full((1, 3), 255, np.uint8)).max() < 220


def test_a_legend_says_each_thing_in_its_colour() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e .[viewer]")
    entries = [Entry("line", "one", "#D55E00"), Entry("dashed", "two", "#009E73"), Entry("key", "three", key="Q")]
    narrow, wide = draw_legend(entries, 300), draw_legend(entries, 900, columns=3)
    assert narrow.shape[1] == 300 and wide.shape[1] == 900 and len(narrow) > len(wide)
    for colour in ((213, 94, 0), (0, 158, 115)):
        assert (np.abs(narrow.astype(int) - colour).max(axis=2) < 8).sum() > 30


def test_a_floor_names_its_unit_or_says_that_there_is_none() -> None:
    assert floor_entry([0.5], is_metric=True).text == "floor, a line every 0.5 m"
    assert floor_entry([0.02, 10], is_metric=True).text == "floor, a line every 20 mm / 10 m"
    assert "unknown" in floor_entry([0.5], is_metric=False).text
