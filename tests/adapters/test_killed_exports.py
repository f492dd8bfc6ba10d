"""Exports that the system really kills, at the worst moments, and what a second call makes of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slam_frontend.adapters.workbench import UNFINISHED

pytestmark = pytest.mark.slow


def start(host: str, images: Path, out: Path) -> subprocess.Popen[bytes]:
    code = "from slam_frontend.cli.main import main; main()"
    options = ["--features", "orb", "--pairing", "exhaustive"]
    return subprocess.Popen(
        [sys.executable, "-c", code, "export", host, images, out, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill_when(process: subprocess.Popen[bytes], is_time: Callable[[], bool]) -> None:
    while not is_time():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.001)
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("host", "file", "module"), [("colmap", "database.db", "pycolmap"), ("hloc", "features.h5", "h5py")]
)
def test_a_killed_export_is_finished_by_the_next_call(
    host: str, file: str, module: str, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed: pip install slam-frontend[{host}]")
    out, bench = tmp_path / "out", tmp_path / "out" / UNFINISHED
    kill_when(start(host, photos, out), lambda: (bench / "features-000001.npz").exists())
    kept = (bench / "features-000000.npz").stat().st_mtime_ns
    assert not (out / file).exists()

    def is_being_written() -> bool:
        return (bench / file).exists() or (out / file).exists()  # it may be too quick for us

    kill_when(start(host, photos, out), is_being_written)
    if bench.exists():
        assert (bench / "features-000000.npz").stat().st_mtime_ns == kept
    assert (out / file).exists() or not list(out.glob("*.db")) + list(out.glob("*.h5"))

    last = start(host, photos, out)
    said = last.communicate()[0].decode()
    assert last.returncode == 0, said
    assert not bench.exists()
    assert is_whole(host, out)


def is_whole(host: str, out: Path) -> bool:
    if host == "hloc":
        h5py = pytest.importorskip("h5py")
        with h5py.File(out / "features.h5") as features, h5py.File(out / "matches.h5") as matches:
            return len(features) == 3 and sum(len(matches[name]) for name in matches) == 3
    pycolmap = pytest.importorskip("pycolmap")
    with pycolmap.Database.open(out / "database.db") as database:
        return database.num_images() == 3 and database.num_verified_image_pairs() == 3
