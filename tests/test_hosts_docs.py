"""The Python of docs/hosts.md runs as it stands, from a clone."""

import re
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "hosts.md").read_text(), re.DOTALL)
WHOLE = [block for block in BLOCKS if "import" in block.splitlines()[0] or block.startswith("from")]


def test_there_are_programs_to_run() -> None:
    assert len(WHOLE) >= 4


@pytest.mark.parametrize("program", WHOLE, ids=lambda program: program.splitlines()[-1][:40])
def test_a_program_of_the_page_runs(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = tmp_path / "sequences" / "sample"
    shutil.copytree(REPOSITORY / "sequences" / "sample", sample)
    rows = (sample / "rgb.txt").read_text().splitlines()
    (sample / "rgb.txt").write_text("\n".join(rows[:12]) + "\n")  # a short recording is enough
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/hosts.md", "exec"), {})
