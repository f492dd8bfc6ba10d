"""Cores are shared while a run lasts, and everything is as it was before once it is over."""

import sys

import pytest
from blas import blas_threads
from threadpoolctl import threadpool_limits

from slam_frontend.threads import TURN, shared_cores


def test_matrices_are_multiplied_where_they_are_asked_for_and_turns_are_short() -> None:
    interval = sys.getswitchinterval()
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert before, "no BLAS was found in this process"
        with pytest.raises(KeyboardInterrupt), shared_cores():
            assert blas_threads() == {1}
            assert sys.getswitchinterval() == pytest.approx(TURN)
            raise KeyboardInterrupt
        assert blas_threads() == before
    assert sys.getswitchinterval() == interval


def test_of_runs_that_overlap_the_last_to_end_leaves_things_as_they_were() -> None:
    interval = sys.getswitchinterval()
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = shared_cores(), shared_cores()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1} and sys.getswitchinterval() == pytest.approx(TURN)
        second.__exit__(None, None, None)
        assert blas_threads() == before
    assert sys.getswitchinterval() == interval
