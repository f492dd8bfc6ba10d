"""The camera is expected to go on as it did, in proportion to time."""

import numpy as np

from slam_frontend.geometry import se3
from slam_frontend.tracking.motion import ConstantVelocity

TWIST = np.array([0.1, -0.02, 0.05, 0.01, 0.03, -0.02])  # a tenth of a second


def moving() -> ConstantVelocity:
    motion = ConstantVelocity()
    motion.update(1.0, np.eye(4))
    motion.update(1.1, se3.exp(TWIST))
    return motion


def test_a_steady_motion_goes_on_in_proportion_to_time() -> None:
    for tenths in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(moving().predict(1.1 + tenths / 10), se3.exp((1 + tenths) * TWIST), atol=1e-9)


def test_nothing_is_expected_before_anything_was_located() -> None:
    motion = ConstantVelocity()
    assert motion.predict(0.0) is None
    motion.update(1.0, np.eye(4))
    np.testing.assert_array_equal(motion.predict(1.1), np.eye(4))
    motion.forget()
    assert motion.predict(1.2) is None


def test_after_a_long_gap_or_at_an_odd_time_the_last_pose_is_expected() -> None:
    for timestamp in (1.5, 1.1, 1.0, 0.0, np.nan):
        np.testing.assert_array_equal(moving().predict(timestamp), se3.exp(TWIST))


def test_two_frames_of_one_time_say_nothing_of_the_velocity() -> None:
    motion = moving()
    motion.update(1.1, se3.exp(2 * TWIST))
    np.testing.assert_array_equal(motion.predict(1.2), se3.exp(2 * TWIST))


def test_what_was_known_before_getting_lost_is_forgotten() -> None:
    motion = moving()
    motion.forget()
    motion.update(2.0, np.eye(4))
    np.testing.assert_array_equal(motion.predict(2.1), np.eye(4))
