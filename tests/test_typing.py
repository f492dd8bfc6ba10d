"""What a type checker that knows no plugin tells somebody who uses the package in a script of his own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import slam_frontend

ROOT = Path(__file__).parents[1]
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
LOOP = """
from slam_frontend import Features, Frame, RunConfig, Trajectory
from slam_frontend.config import ExtractorConfig
from slam_frontend.features import Extractor
from slam_frontend.types import Array, Norm


class Mine:
    name: str = "mine"
    norm: Norm = "hamming"

    def extract(self, image: Array) -> Features:
        raise NotImplementedError


extractor: Extractor = Mine()
config = RunConfig(extractor=ExtractorConfig(name="orb", max_keypoints=500))
path: Trajectory = result.final
"""
MISTAKES = """
from slam_frontend import Nothing
print(frontend.follow(sequence))
print(result.trajectory)
"""


def complaints(script: str, folder: Path) -> list[str]:
    """The lines of mypy's errors, and the errors."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--no-incremental", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, "script.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if "No module named mypy" in done.stderr:
        pytest.skip("needs mypy: pip install '.[dev]'")
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_scripts_are_checked_by_the_types_of_public_names(tmp_path: Path) -> None:
    right = EXAMPLE + LOOP
    found = complaints(right + MISTAKES, tmp_path)
    first = len(right.splitlines())
    lines = [int(line.split(":")[1]) - first for line in found]
    assert lines == [2, 3, 4], "\n".join(found)


def test_every_public_name_has_its_type() -> None:
    text = Path(slam_frontend.__file__).read_text(encoding="utf-8")
    typed = re.findall(r"^    from (\S+) import (\w+) as \2$", text, re.MULTILINE)
    assert sorted(typed) == sorted((module, name) for name, module in slam_frontend._PUBLIC.items())
