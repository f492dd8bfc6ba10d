"""Ctrl-C where results are still to be written."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from slam_frontend.cli.interrupts import PATIENCE, SIGNALS, at_most_interrupts, end_as_ctrl_c_does


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


def test_a_terminal_that_has_gone_ends_a_command_as_ctrl_c_does() -> None:
    """Whatever would be printed from then on fails where there is no terminal."""
    script = (
        "import signal, sys\n"
        "from slam_frontend.cli.interrupts import end_as_ctrl_c_does\n"
        "end_as_ctrl_c_does()\n"
        "try:\n    print('ready', flush=True)\n    signal.pause()\n"
        "except KeyboardInterrupt:\n    print('nobody reads this', flush=True)\n    sys.exit(7)\n"
    )
    ours, theirs = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", script], stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    assert os.read(ours, 100).split() == [b"ready"]
    time.sleep(0.3)  # until it has printed all of it, and waits
    os.close(ours)
    child.send_signal(signal.SIGHUP)
    assert child.wait(10) == 7


def test_under_nohup_the_end_of_the_terminal_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    others = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        end_as_ctrl_c_does()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for number, handler in (others | {signal.SIGHUP: before}).items():
            signal.signal(number, handler)
