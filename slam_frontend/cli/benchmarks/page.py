"""The page of results: sections that are replaced one by one."""

from collections.abc import Sequence
from pathlib import Path

from slam_frontend.errors import OutputError
from slam_frontend.files import write_atomically

TITLE = "# Benchmarks\n"


def read_sections(page: Path) -> dict[str, str]:
    """The parts of an earlier page: what isn't measured this time stays as it was. OutputError where anything else
    lies there."""
    if not page.exists():
        return {}
    if not (page.is_file() and page.read_bytes().startswith(TITLE.encode())):
        raise OutputError(f"{page}: is there already and is no page of benchmarks; choose another --out")
    parts = page.read_text("utf-8").split("\n## ")[1:]
    return {heading: text.strip() for heading, _, text in (part.partition("\n") for part in parts)}


def write_sections(page: Path, sections: dict[str, str]) -> None:
    """The page with these sections, in their order."""
    parts = [f"## {heading}\n\n{text}\n" for heading, text in sections.items()]
    write_atomically(page, "\n".join([TITLE, *parts]))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, ["---"] * len(headings), *rows])
