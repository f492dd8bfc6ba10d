"""What must hold of a map at any time."""

import numpy as np

from slam_frontend.mapping import LocalMap


def assert_consistent(map: LocalMap) -> None:
    """No sight names what isn't there, and a keyframe pairs keypoints and landmarks one to one."""
    landmarks, keyframes, keypoints = map.observed_landmarks, map.observed_in, map.observed_keypoints
    assert len(landmarks) == len(keyframes) == len(keypoints)
    assert np.isin(landmarks, map.landmarks.ids).all()
    assert np.isin(keyframes, list(map.keyframes)).all()
    assert set(map.keyframes) <= set(map.poses)
    assert _distinct(keyframes, keypoints), "a keypoint sees two landmarks"
    assert _distinct(keyframes, landmarks), "a keyframe sees a landmark twice"
    for id, keyframe in map.keyframes.items():
        assert (keypoints[keyframes == id] < len(keyframe.view.features)).all()
        assert np.array_equal(map.rows_of(id), np.flatnonzero(keyframes == id))
    table = map.landmarks
    columns = [table.positions, table.scales, table.seen_from, table.born]
    assert all(len(column) == len(table.ids) for column in columns)
    assert table.descriptors is None or len(table.descriptors) == len(table.ids)
    assert (np.diff(table.ids) > 0).all() and (table.ids < table.next_id).all()
    assert np.isfinite(table.positions).all()


def _distinct(*columns: np.ndarray) -> bool:
    pairs = np.stack(columns, axis=1)
    return len(np.unique(pairs, axis=0)) == len(pairs)
