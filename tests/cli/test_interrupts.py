"""Ctrl-C where results are still to be written."""

import signal

import pytest

from slam_frontend.cli.interrupts import PATIENCE, at_most_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_are_heeded_so_often_then_put_off_until_they_persist(number, caplog) -> None:
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), at_most_interrupts(0):
            with pytest.raises(KeyboardInterrupt), at_most_interrupts(1):
                signal.raise_signal(number)
            for _ in range(PATIENCE):
                signal.raise_signal(number)
            assert "being written" in caplog.messages[0] and "3 of 4 times" in caplog.messages[-1]
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with at_most_interrupts(1):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
