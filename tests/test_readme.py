"""What the pages promise: the front page's code runs, links lead somewhere, commands exist with their options."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import Template

import pytest
import typer

from slam_frontend.cli.main import app
from slam_frontend.config import RunConfig, Section, load_config
from slam_frontend.errors import ConfigError
from slam_frontend.registry import extractors
from slam_frontend.training.config import TrainingConfig

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
MANUALS = ["README.md", "sequences/README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(page: str) -> Iterator[str]:
    """All commands of ours on a page: in inline code, and in blocks, with what their variables stand for."""
    text = (ROOT / page).read_text()
    yield from (code.replace("\n", " ") for code in re.findall("`(slam-frontend [^`]+)`", FENCED.sub("", text)))
    for block in (block for language, block in FENCED.findall(text) if not language):
        variables: dict[str, str] = {}
        for line in block.replace("\\\n", "").splitlines():
            line = Template(line).substitute(variables)
            if assigned := re.fullmatch(r'(\w+)=("[^"]*"|\S+)', line):
                variables[assigned[1]] = assigned[2].strip('"')
            else:
                yield from re.findall("slam-frontend [^&]+", line)


def check(line: str) -> None:
    """That a command exists, with the options that it is given and the settings that it sets."""
    command, words = typer.main.get_command(app), shlex.split(line, comments=True)[1:]
    config = TrainingConfig if words[0] == "train" else RunConfig
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    options = [word.strip("[]").partition("=")[0] for word in words if word.startswith(("-", "[-"))]
    assert len(options) == len(words) or not hasattr(command, "commands"), f"{line}: {words[0]} is no command"
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    assert set(options) <= known | {"--help"}, f"{line}: {set(options) - known} unknown"
    load_config(config, overrides=[value for name, value in pairwise(words) if name == "--set"])


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "(20, 4, 4)" in result.stdout


@pytest.mark.parametrize("page", [*MANUALS, "CONTRIBUTING.md", "examples/cpp/README.md"])
def test_links_lead_to_files_and_their_sections(page: str) -> None:
    for target, section in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", (ROOT / page).read_text()):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        assert not section or section in anchors(file.read_text()), f"{page} links to {target}#{section}"


def anchors(text: str) -> list[str]:
    """What GitHub calls the sections of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", [*MANUALS, "CHANGELOG.md"])
def test_settings_exist(page: str) -> None:
    known = {*keys(RunConfig), *keys(TrainingConfig)}
    sections = {key.partition(".")[0] for key in known if "." in key}
    for key in re.findall(r"`([a-z]\w*(?:\.[a-z]\w*)+)[^`(]*`", FENCED.sub("", (ROOT / page).read_text())):
        assert key in known or key.partition(".")[0] not in sections or key.endswith(".pt"), f"{page}: {key} unknown"


def keys(model: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.default, Section):
            yield from keys(type(field.default), f"{prefix}{name}.")


def test_every_file_of_a_run_is_in_the_table(tmp_path: Path) -> None:
    arguments = ["run", "sequences/sample", "--limit", "5", "--features", "fast", "--tracks", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "slam_frontend", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    table = TEXT.split("Each run has a folder")[1].split("\n\n")[1]
    assert [file.name for file in tmp_path.iterdir() if file.name not in table] == []


def test_every_feature_is_in_the_table_and_the_other_way_round() -> None:
    section = TEXT.split("## Features")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z][a-z-]*)`", section, re.MULTILINE)
    assert sorted(rows) == sorted(extractors.builtin)


@pytest.mark.parametrize("page", MANUALS)
def test_commands_exist(page: str) -> None:
    lines = list(commands(page))
    assert lines, f"{page} has no command"
    for line in lines:
        check(line)


@pytest.mark.parametrize(
    "line",
    [
        "slam-frontend evaluate path a.txt b.txt",
        "slam-frontend run sequences/sample --feature orb",
        "slam-frontend train label a.yaml [--rounds 2]",
        "slam-frontend run sequences/sample --set joint.settle=false",
        "slam-frontend train all a.yaml --set 'joint.zooms=[0.5, 2.2]'",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises((AssertionError, ConfigError), match="no command|unknown"):
        check(line)
