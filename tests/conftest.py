"""What several tests share: where real data lies, and a world that is known by construction."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import SyntheticSequence, SyntheticWorld, frontend_in
from torch import Tensor

from slam_frontend.frontend import Frontend
from slam_frontend.models import cuda_graph, runtime_cuda
from slam_frontend.pipeline import RunResult, run_sequence


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real recordings, which the project doesn't ship; without it the test skips."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    root = Path(os.environ.get("SLAM_FRONTEND_DATA", default))
    if not (root / "sequences").is_dir():
        pytest.skip(f"no real recordings at {root}; SLAM_FRONTEND_DATA can name another folder")
    return root


@pytest.fixture
def gpu_on_cpu(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The GPU's runtime works on the CPU, with recordings that are the calls themselves; the recorded sizes."""
    recorded: list[tuple[int, ...]] = []

    def record(call: cuda_graph.Call, given: Tensor) -> cuda_graph.Call:
        recorded.append(tuple(given.shape))
        return call

    monkeypatch.setattr(runtime_cuda, "DEVICE", "cpu")
    monkeypatch.setattr(cuda_graph, "record", record)
    return recorded


@pytest.fixture(scope="session")
def world() -> SyntheticWorld:
    """Sixty frames of a camera that walks before a cloud of landmarks."""
    return SyntheticWorld()


def make_frontend(sequence: SyntheticSequence) -> Frontend:
    """A frontend whose extractor finds the landmarks of the sequence's world."""
    return frontend_in(sequence.world, sequence.sensor)


@pytest.fixture(scope="session")
def synthetic_frontend() -> Callable[[SyntheticSequence], Frontend]:
    """Makes frontends whose extractor finds the landmarks of a sequence's world."""
    return make_frontend


@pytest.fixture(scope="session")
def rgbd_run(world: SyntheticWorld) -> RunResult:
    """The synthetic world tracked with depth."""
    sequence = SyntheticSequence(world)
    return run_sequence(make_frontend(sequence), sequence)
