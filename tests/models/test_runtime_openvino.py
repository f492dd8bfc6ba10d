"""What OpenVINO does to the process that it runs in."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from slam_frontend.models import runtime_openvino
from slam_frontend.models.runtime_openvino import openvino_core

# In a process of its own: what it guards against ends the process.
INTERRUPTED_AFTER_TWO_NETWORKS = """
import signal
import numpy as np
from slam_frontend.features import create_extractor

signal.signal(signal.SIGINT, signal.default_int_handler)
extractors = [create_extractor({"name": "superpoint-fast", "runtime": "openvino"}) for _ in range(2)]
for extractor in extractors:
    extractor.extract(np.zeros((64, 64), np.uint8))
del extractor
while extractors:
    del extractors[0]
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted in order")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals have no stack of their own there")
def test_ctrl_c_is_an_interrupt_after_networks_came_and_went() -> None:
    pytest.importorskip("openvino")
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_AFTER_TWO_NETWORKS], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "interrupted in order\n"


def test_threads_that_ask_at_once_get_the_same_core(monkeypatch) -> None:
    class Slow:
        @staticmethod
        def Core() -> object:
            time.sleep(0.1)
            return object()

    monkeypatch.setattr(runtime_openvino, "require", lambda *arguments, **names: Slow)
    monkeypatch.setattr(runtime_openvino, "_make_core", cache(runtime_openvino._make_core.__wrapped__))
    with ThreadPoolExecutor(4) as threads:
        assert len({id(core) for core in threads.map(lambda number: openvino_core(), range(4))}) == 1
