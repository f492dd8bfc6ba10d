"""What docs/hosts.md tells a newcomer to type works as it stands, section by section, from a clone."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "hosts.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
OURS = ("slam-frontend ", "python ", "head ")  # pip, apt-get, cmake and the hosts' own programs are the reader's
PLACEHOLDERS = ("path/to", "photos.tar", "FILE")


def blocks(section: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", SECTIONS[section], re.DOTALL | re.MULTILINE)
    return [block for of, block in found if of == language]


def programs(section: str) -> list[str]:
    return [block for block in blocks(section, "python") if block.startswith(("import", "from"))]


def commands(section: str) -> list[str]:
    lines = [line for block in blocks(section, "") for line in block.splitlines()]
    return [line for line in lines if line.startswith(OURS) and not any(word in line for word in PLACEHOLDERS)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a short recording, where python and slam-frontend are those of this test."""
    sample = tmp_path / "sequences" / "sample"
    shutil.copytree(ROOT / "sequences" / "sample", sample)
    rows = (sample / "rgb.txt").read_text().splitlines()
    (sample / "rgb.txt").write_text("\n".join(rows[:12]) + "\n")
    listed = {row.split()[1] for row in rows[:12] if not row.startswith("#")}
    for image in (sample / "rgb").iterdir():
        if f"rgb/{image.name}" not in listed:
            image.unlink()
    (tmp_path / "bin").mkdir()
    calls = {"python": "", "slam-frontend": "-c 'from slam_frontend.cli.main import main; main()'"}
    for name, call in calls.items():
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {call} "$@"\n')
        script.chmod(0o755)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """What a command says; a missing extra is a reason to skip."""
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    package = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": package}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    missing = re.search(r"^.*(pip install|No module named '(?:kornia|pycolmap|h5py)).*$", done.stderr, re.MULTILINE)
    if done.returncode and missing:
        pytest.skip(missing.group())
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_host_of_the_table_has_its_section() -> None:
    anchors = re.findall(r"^\| \[.+?\]\(#(.+?)\)", TEXT, re.MULTILINE)
    titles = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in SECTIONS}
    assert len(anchors) >= 9
    assert set(anchors) <= titles


def test_every_host_has_a_screen_and_no_more() -> None:
    for title, text in SECTIONS.items():
        assert len(text.splitlines()) <= 60, title


@pytest.mark.slow
@pytest.mark.parametrize("section", [title for title in SECTIONS if programs(title) or commands(title)])
def test_what_a_section_says_works(section: str, clone: Path) -> None:
    said = [run(["sh", "-c", command], clone) for command in commands(section)]
    said += [run(["python", "-c", program], clone) for program in programs(section)]
    assert said and all(text.strip() for text in said)
