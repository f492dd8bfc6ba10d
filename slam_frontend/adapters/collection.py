"""A folder of photographs, and which of them to match with which."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from slam_frontend.errors import SequenceError
from slam_frontend.files import IMAGE_SUFFIXES, natural_order

Pair = tuple[str, str]


def list_images(folder: Path) -> tuple[str, ...]:
    """Names of the images below a folder, relative to it and with slashes, 2 before 10."""
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "does not exist"
        raise SequenceError(f"{folder}: {problem}; expected a folder of images")
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    names = [path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)]
    if not names:
        raise SequenceError(f"{folder}: no images found; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    return tuple(sorted(names, key=natural_order))


def sequential_pairs(names: Sequence[str], overlap: int) -> list[Pair]:
    """Each image with the next ``overlap`` ones, as for the frames of a video."""
    return [(name, other) for row, name in enumerate(names) for other in names[row + 1 : row + 1 + overlap]]


def exhaustive_pairs(names: Sequence[str]) -> list[Pair]:
    """Each image with every other one."""
    return list(combinations(names, 2))


def read_pairs(path: Path, names: Sequence[str]) -> list[Pair]:
    """The pairs of a text file with two names a line, each pair once; SequenceError naming the line that is wrong."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SequenceError(f"{path}: can't be read as text; expected two image names a line") from error
    known = set(names)
    pairs: dict[frozenset[str], Pair] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or words[0] == words[1]:
            raise SequenceError(f"{path}, line {number}: expected two different image names, found {line.strip()!r}")
        unknown = [word for word in words if word not in known]
        if unknown:
            raise SequenceError(f"{path}, line {number}: {unknown[0]} is no image of the folder, such as {names[0]}")
        pairs.setdefault(frozenset(words), (words[0], words[1]))
    return list(pairs.values())
