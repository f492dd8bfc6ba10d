"""What OpenVINO does to the process that it runs in."""

import subprocess
import sys

import pytest

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
