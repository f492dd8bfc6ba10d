"""What several tests share: where real data lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real recordings, which the project doesn't ship; without it the test skips."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    root = Path(os.environ.get("SLAM_FRONTEND_DATA", default))
    if not (root / "sequences").is_dir():
        pytest.skip(f"no real recordings at {root}; SLAM_FRONTEND_DATA can name another folder")
    return root
