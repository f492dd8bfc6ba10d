"""Pictures of frames: points where the keypoints are, trails where landmarks went."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from synthetic import SyntheticSequence, SyntheticWorld, curved_path

from slam_frontend.frontend import Frontend
from slam_frontend.types import Features, Frame, FrameResult, PoseEstimate, TrackingState, View
from slam_frontend.viz.draw import GREEN, ORANGE, SKY, Tracks, draw_frame, encode_png
from slam_frontend.viz.snapshots import APART, MAX_SPREAD, MAX_WEAK, Snapshots, choose_pictures


def result_with(
    keypoints: list[tuple[float, float]], landmark_ids: list[int], index: int = 0, expected: int = 0
) -> FrameResult:
    """A frame whose first keypoints see the given landmarks, of as many as expected."""
    points = np.array(keypoints, np.float32).reshape(-1, 2)
    ones = np.ones(len(points), np.float32)
    features = Features(points, ones, np.zeros((len(points), 8), np.float32), "l2", ones)
    view = View(index, float(index), features, points, ones)
    ids = np.array(landmark_ids, np.int64)
    estimate = PoseEstimate(TrackingState.TRACKING, np.eye(4), np.arange(len(ids)), ids, np.arange(expected))
    return FrameResult(view, estimate, None)


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has nearly this colour; lines are drawn with soft edges."""
    return bool((np.abs(picture.astype(int) - colour).max(axis=2) < 40).any())


def grey_frame(index: int = 0) -> Frame:
    return Frame(index, float(index), np.full((120, 160), 90, np.uint8))


def test_a_trail_follows_a_landmark_back_until_it_was_not_seen() -> None:
    tracks = Tracks()
    tracks.update(result_with([(1, 1), (50, 50)], [7, 8]))
    tracks.update(result_with([(10, 10)], [7]))
    tracks.update(result_with([(20, 10), (60, 50), (5, 5)], [7, 8, 9]))
    trails = [trail.tolist() for trail in tracks.trails()]
    assert trails == [[[20, 10], [10, 10], [1, 1]], [[60, 50]], [[5, 5]]]


def test_a_trail_is_as_long_as_asked_for() -> None:
    tracks = Tracks(length=3)
    for x in range(6):
        tracks.update(result_with([(x, 0)], [1]))
    assert [len(trail) for trail in tracks.trails()] == [3]


def test_tracked_keypoints_are_green_and_the_others_blue() -> None:
    picture = draw_frame(grey_frame(), result_with([(40, 30), (100, 60)], [3]), [])
    assert picture.shape == (120, 160, 3)
    assert near(picture[25:36, 35:46], GREEN)
    assert near(picture[56:65, 96:105], SKY)
    assert (picture[80, 20] == 90).all()


def test_an_enlarged_picture_has_its_marks_in_place() -> None:
    picture = draw_frame(grey_frame(), result_with([(40, 30)], [3]), [np.array([[40.0, 30.0], [10.0, 80.0]])], zoom=4)
    assert picture.shape == (480, 640, 3)
    assert near(picture[112:132, 152:172], GREEN)
    assert near(picture[312:332, 32:52], ORANGE)
    assert not near(picture[:100], GREEN)


def test_a_frame_without_keypoints_can_be_drawn() -> None:
    assert draw_frame(grey_frame(), result_with([], []), []).shape == (120, 160, 3)


def test_drawing_leaves_the_frame_as_it_was() -> None:
    frame = grey_frame()
    draw_frame(frame, result_with([(40, 30)], [3]), [np.array([[40.0, 30.0], [10.0, 10.0]])])
    assert (frame.image == 90).all()


def test_a_png_reads_back_with_its_colours() -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    decoded = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[:, :, ::-1], image)


@pytest.mark.parametrize("count", [5, 100, 1000])
def test_snapshots_are_few_and_spread_over_any_length(count: int) -> None:
    snapshots = Snapshots()
    for index in range(count):
        snapshots.update(grey_frame(index), result_with([(index % 100, 5)], [1], index))
    indices = np.array(list(snapshots.pictures))
    assert 1 <= len(indices) <= MAX_SPREAD
    assert len(np.unique(np.diff(indices))) <= 1
    assert count - indices[-1] <= max(4, count // 4)


def test_the_weakest_frames_are_kept_whenever_they_come() -> None:
    snapshots, weak = Snapshots(), {101: 3, 103: 2, 333: 0, 500: 1, 771: 4, 903: 5}
    for index in range(1000):
        count = weak.get(index, 30)
        snapshots.update(grey_frame(index), result_with([(5, 5)] * 30, list(range(count)), index, expected=30))
    assert set(snapshots.pictures) >= {103, 333, 500, 771}  # 103 stands for 101 as well
    assert not {101, 903} & set(snapshots.pictures)
    assert len(snapshots.pictures) <= MAX_SPREAD + MAX_WEAK


def test_frames_without_a_map_are_no_weakness() -> None:
    snapshots = Snapshots(max_spread=1)
    for index in range(3 * APART):
        snapshots.update(grey_frame(index), result_with([(5, 5)], [], index))
    assert len(snapshots.pictures) <= 1


def test_the_frames_worth_keeping_are_the_worst_and_some_of_all() -> None:
    inliers, errors = np.full(30, 100.0), np.full(30, 0.1)
    inliers[[7, 21]], errors[13], inliers[0] = (5, 9), 3.0, np.nan
    assert choose_pictures(inliers, errors, num_spread=3, num_worst=1).tolist() == [0, 7, 13, 14, 29]
    assert choose_pictures(np.empty(0), np.empty(0)).tolist() == []


def test_the_synthetic_walk_is_drawn(synthetic_frontend: Callable[[SyntheticSequence], Frontend]) -> None:
    sequence = SyntheticSequence(SyntheticWorld(curved_path(9)))
    frontend, snapshots = synthetic_frontend(sequence), Snapshots()
    for frame in sequence:
        snapshots.update(frame, frontend.process(frame))
    assert all(near(picture, GREEN) for picture in snapshots.pictures.values())
