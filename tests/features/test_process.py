"""An extractor in another process is the same extractor."""

import importlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import ConfigError, FrontendError, WeightsError
from slam_frontend.features import ExtractorProcess, beside_tracking, count_cores, create_extractor, suggest_features
from slam_frontend.features.process import SHARED_BYTES

ORB = {"name": "orb", "max_keypoints": 200}


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(4)
    return np.kron(rng.integers(0, 255, (15, 20)), np.ones((8, 8))).astype(np.uint8)


@pytest.fixture
def extractor():
    return create_extractor({**ORB, "own_process": True})


def test_it_answers_as_the_extractor_does(extractor, image):
    assert isinstance(extractor, ExtractorProcess)
    expected, found = create_extractor(ORB).extract(image), extractor.extract(image)
    assert (extractor.name, extractor.norm) == ("orb", "hamming")
    assert len(expected) > 50
    for field in ("keypoints", "scores", "descriptors", "scales"):
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))


def test_images_of_any_size_and_layout_arrive_as_they_are(extractor, image):
    larger = np.tile(image, (20, 16))
    assert larger.nbytes > SHARED_BYTES
    here = create_extractor(ORB)
    for view in (larger, image, image[::-1, 10:-10], image[:, ::2]):
        found, expected = extractor.extract(view), here.extract(view)
        np.testing.assert_array_equal(found.keypoints, expected.keypoints)
        np.testing.assert_array_equal(found.descriptors, expected.descriptors)


def test_threads_that_ask_at_once_get_the_features_of_their_own_image(extractor, image):
    views = [np.roll(image, shift, axis=1) for shift in range(20)]
    expected = [create_extractor(ORB).extract(view) for view in views]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(extractor.extract, views))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)
        np.testing.assert_array_equal(ours.descriptors, theirs.descriptors)


def test_what_goes_wrong_there_is_raised_here_and_the_next_image_is_answered(image, tmp_path):
    with pytest.raises(WeightsError, match="no such checkpoint"):
        create_extractor({"name": "superpoint", "weights": tmp_path / "none.pt", "own_process": True})
    fast = create_extractor({"name": "superpoint-fast", "own_process": True})
    with pytest.raises(ConfigError, match="expected a grey image"):
        fast.extract(np.dstack([image] * 3))
    assert len(fast.extract(image)) > 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that interrupts")
def test_after_an_interrupt_the_next_image_has_its_own_features(image):
    extractor = create_extractor({"name": "sift", "max_keypoints": 200, "own_process": True})
    expected = extractor.extract(image)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        extractor.extract(np.tile(image, (16, 14)))  # takes a second
    signal.signal(signal.SIGALRM, before)
    for _ in range(2):
        np.testing.assert_array_equal(extractor.extract(image).keypoints, expected.keypoints)


def test_an_answer_that_an_interrupt_tore_is_the_last_one(extractor, image, monkeypatch):
    receive = extractor._connection._recv

    def interrupt_after_the_head(size):
        if size > 8:
            raise KeyboardInterrupt
        return receive(size)

    monkeypatch.setattr(extractor._connection, "_recv", interrupt_after_the_head)
    with pytest.raises(KeyboardInterrupt):
        extractor.extract(image)
    monkeypatch.undo()
    with pytest.raises(FrontendError, match=r"has ended \(exit code 0"):
        extractor.extract(image)


ODD = """
import threading

class Detailed(Exception):
    def __init__(self, code, place):
        super().__init__(f"code {code} at {place}")

class Locked(Exception):
    def __init__(self, words):
        super().__init__(words)
        self.lock = threading.Lock()

class Odd:
    name, norm = "odd", "l2"

    def extract(self, image):
        raise Detailed(7, "the door") if image[0, 0] else Locked("no key")

def create(config):
    if config.max_keypoints == 50:
        raise Detailed(1, "the start")
    if config.max_keypoints == 51:
        raise FileNotFoundError(2, "No such file or directory", "model.bin")
    return Odd()
"""


def test_errors_that_can_not_travel_send_their_words(tmp_path, monkeypatch):
    (tmp_path / "odd_extractor.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    create = importlib.import_module("odd_extractor").create
    with pytest.raises(FrontendError, match="Detailed: code 1 at the start"):
        ExtractorProcess(create, ExtractorConfig(max_keypoints=50))
    with pytest.raises(FileNotFoundError, match=r"model\.bin"):
        ExtractorProcess(create, ExtractorConfig(max_keypoints=51))
    extractor = ExtractorProcess(create, ExtractorConfig())
    for value, words in ((1, "Detailed: code 7 at the door"), (0, "Locked: no key")) * 2:
        with pytest.raises(FrontendError, match=words):
            extractor.extract(np.full((8, 8), value, np.uint8))


def test_its_sudden_end_is_one_sentence(extractor, image):
    extractor.extract(image)
    os.kill(extractor._process.pid, signal.SIGKILL)
    with pytest.raises(FrontendError, match=r"has ended \(exit code -9"):
        extractor.extract(image)


def test_a_script_without_a_main_guard_is_told_of_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from slam_frontend.features import create_extractor\ncreate_extractor({'name': 'orb', 'own_process': True})\n"
    )
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    last = run.stderr.strip().splitlines()[-1]
    assert run.returncode == 1 and "FrontendError" in last and 'if __name__ == "__main__":' in last


def test_it_ends_with_whoever_wanted_it():
    extractor = create_extractor({**ORB, "own_process": True})
    process = extractor._process
    assert process.is_alive()
    del extractor
    for _ in range(50):
        if not process.is_alive():
            return
        time.sleep(0.1)
    pytest.fail("the process lives on")


def test_a_gpu_is_worth_the_full_network(monkeypatch):
    for is_there, name in ((True, "superpoint"), (False, "superpoint-fast")):
        monkeypatch.setattr("slam_frontend.features.creation.has_gpu", lambda is_there=is_there: is_there)
        assert suggest_features() == name


def test_commands_extract_beside_tracking_where_there_are_two_cores_and_nobody_objects():
    asked = beside_tracking(ExtractorConfig(name="orb"))
    assert asked.own_process == (count_cores() > 1)
    assert not beside_tracking(ExtractorConfig(name="orb", own_process=False)).own_process
    assert not isinstance(create_extractor(ExtractorConfig(name="orb")), ExtractorProcess)


@pytest.mark.parametrize("cores", [1, 2])
def test_with_one_core_nothing_is_extracted_beside_tracking(cores, monkeypatch):
    monkeypatch.setattr("slam_frontend.features.creation.count_cores", lambda: cores)
    assert beside_tracking(ExtractorConfig(name="orb", own_process=True)).own_process == (cores == 2)
