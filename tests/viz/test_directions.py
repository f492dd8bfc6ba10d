"""From above is from above, whatever the world calls its axes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from synthetic import curved_path

from slam_frontend.types import Array
from slam_frontend.viz.directions import Directions, Projection, find_directions

WALK = curved_path(60)
TILT = Rotation.from_euler("x", 25, degrees=True).as_matrix()  # cameras look somewhat up or down


def in_world(x: Array, y: Array, z: Array) -> Array:
    """A walk of level cameras in a world whose axes are these directions of the first camera."""
    T_world_cam = WALK.copy()
    T_world_cam[:, :3, :3] = WALK[:, :3, :3] @ TILT
    R = np.eye(4)
    R[:3, :3] = np.stack([x, y, z])
    return R @ T_world_cam


RIGHT, DOWN, FORWARD = np.eye(3)


@pytest.mark.parametrize(
    ("axes", "above", "vertical", "is_reversed"),
    [
        ((RIGHT, DOWN, FORWARD), Projection(0, 2, False), 1, True),  # the first camera's world: z up the sheet
        ((RIGHT, FORWARD, -DOWN), Projection(0, 1, False), 2, False),  # z is up
        ((FORWARD, RIGHT, DOWN), Projection(0, 1, True), 2, True),  # north, east, down
        ((-DOWN, RIGHT, FORWARD), Projection(1, 2, False), 0, False),
    ],
)
def test_the_vertical_axis_is_the_one_that_images_point_down_along(
    axes: tuple[Array, Array, Array], above: Projection, vertical: int, is_reversed: bool
) -> None:
    directions = find_directions(in_world(*axes))
    assert (directions.side.up, directions.side.is_up_reversed) == (vertical, is_reversed)
    assert directions.above == above


def test_right_and_up_on_the_sheet_turn_as_they_do_from_above() -> None:
    """Right, up the sheet and towards the viewer are a right-handed frame, for every way to turn the world."""
    for turn in Rotation.create_group("O").as_matrix():
        seen = find_directions(in_world(*turn))
        right, up = np.eye(3)[seen.above.right], np.eye(3)[seen.above.up] * (-1) ** seen.above.is_up_reversed
        high = np.eye(3)[seen.side.up] * (-1) ** seen.side.is_up_reversed
        np.testing.assert_array_equal(np.cross(right, up), high)


def test_the_side_view_shows_the_longer_way() -> None:
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, 2, 3] = np.arange(5)
    assert find_directions(poses).side == Projection(2, 1, True)


def test_without_a_pose_the_world_is_a_camera_s() -> None:
    nowhere = np.full((3, 4, 4), np.nan)
    assert find_directions(nowhere) == Directions(Projection(0, 2), Projection(0, 1, True))
