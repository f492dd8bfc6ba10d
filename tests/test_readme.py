"""What the front page promises: its code runs, its links lead somewhere, its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from slam_frontend.registry import extractors

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "(20, 4, 4)" in result.stdout


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "sequences/README.md"])
def test_links_lead_to_files(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_feature_is_in_the_table_and_the_other_way_round() -> None:
    section = TEXT.split("## Features")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z][a-z-]*)`", section, re.MULTILINE)
    assert sorted(rows) == sorted(extractors.builtin)


def test_commands_exist() -> None:
    for command in sorted(set(re.findall(r"slam-frontend ((?:run|evaluate trajectory|train|bench))\b", TEXT))):
        code = "from slam_frontend.cli.main import main; main()"
        arguments = [sys.executable, "-c", code, *command.split(), "--help"]
        assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0, command
