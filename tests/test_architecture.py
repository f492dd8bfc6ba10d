"""The layers of the package, read from its imports; what is written here is enforced, not described."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "slam_frontend"
LAYERS = [
    {"errors"},
    {"types"},
    {"optional", "registry", "config", "geometry", "files", "clock", "prefetch", "threads", "watch", "memory"},
    {"trajectory", "models", "ply", "frame_table", "photos"},
    {"features", "matching", "datasets", "run_folder"},
    {"mapping", "evaluation"},
    {"tracking"},
    {"frontend"},
    {"pipeline", "viz", "adapters", "export", "training"},
    {"summary"},
    {"results"},
    {"cli"},
    {"__main__"},
]
TORCH_ROOMS = (
    "models/",
    "features/superpoint.py",
    "training/",
    "export/",
    "adapters/",
    "cli/features.py",
    "cli/heatmaps.py",
)
OPTIONAL = {
    "open3d", "matplotlib", "plotly", "openvino", "nncf", "onnx", "onnxruntime", "h5py", "pycolmap", "tensorboard"
}  # fmt: skip
VAGUE_NAMES = {"utils", "helpers", "common", "misc"}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 60

SOURCES = sorted(PACKAGE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def layer(name: str) -> int:
    for number, rooms in enumerate(LAYERS):
        if name in rooms:
            return number
    raise AssertionError(f"{name} stands in no layer: give it one in this test and in the layout")


def imported_modules(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each imported module with the names taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module or "", [alias.name for alias in node.names]


def imports_inside_functions(tree: ast.Module) -> list[int]:
    inside = [node for function in functions(tree) for node in ast.walk(function)]
    return [node.lineno for node in inside if isinstance(node, ast.Import | ast.ImportFrom)]


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@each_file
def test_imports_go_downward_only(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    for module, names in imported_modules(parse(path)):
        if module == "slam_frontend":
            assert names == ["__version__"], f"{path.name} takes {names} from the package itself"
        if not module.startswith("slam_frontend."):
            continue
        other = module.split(".")[1]
        assert other == room(path) or layer(other) < layer(room(path)), f"{room(path)} must not import {module}"


def test_the_page_for_contributors_shows_these_layers() -> None:
    table = (PACKAGE.parent / "CONTRIBUTING.md").read_text().split("```\n")[1]
    shown = [set(rooms.split()) for rooms in re.split(r"[|\n]", table.strip())]
    assert shown == [rooms for rooms in LAYERS if rooms != {"__main__"}]


@each_file
def test_what_is_private_stays_in_its_room(path: Path) -> None:
    for module, names in imported_modules(parse(path)):
        if not module.startswith("slam_frontend.") or module.split(".")[1] == room(path):
            continue
        private = [part for part in [*module.split("."), *names] if part.startswith("_") and part != "__version__"]
        assert not private, f"{private} of {module} is private"


@each_file
def test_imports_stand_at_the_top(path: Path) -> None:
    if room(path) in ("optional", "registry", "cli"):
        return
    assert not imports_inside_functions(parse(path)), f"{path.name} imports inside a function"


@each_file
def test_optional_packages_are_asked_for_where_they_are_used(path: Path) -> None:
    imported = {module.split(".")[0] for module, _ in imported_modules(parse(path))}
    assert not imported & OPTIONAL, f"use require() for {imported & OPTIONAL}"


@each_file
def test_torch_stays_in_its_rooms(path: Path) -> None:
    if str(path.relative_to(PACKAGE)).startswith(TORCH_ROOMS):
        return
    assert "torch" not in {module.split(".")[0] for module, _ in imported_modules(parse(path))}


@each_file
def test_training_knows_nothing_of_tracking(path: Path) -> None:
    if room(path) != "training":
        return
    rooms = {module.split(".")[1] for module, _ in imported_modules(parse(path)) if module.startswith("slam_frontend.")}
    assert not rooms & {"tracking", "mapping", "frontend"}


@each_file
def test_files_and_functions_fit_the_eye(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES, f"{path.name} holds more than one noun"
    for function in functions(parse(path)):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        assert lines <= MAX_FUNCTION_LINES, f"{path.name}: {function.name} has {lines} lines"


@each_file
def test_only_the_command_line_prints(path: Path) -> None:
    if room(path) == "cli":
        return
    calls = [node.func for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


@each_file
def test_text_is_utf8_on_every_system(path: Path) -> None:
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
            assert "utf-8" in ast.unparse(call), f"line {call.lineno}: the system's own encoding may be another"


@each_file
def test_names_say_what_is_inside(path: Path) -> None:
    assert path.stem not in VAGUE_NAMES


def test_modules_that_need_each_other_do_not_exist() -> None:
    """Within a room too: the imports between files have no cycle."""
    graph = {module_name(path): imports_of(path) for path in SOURCES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module in done or module not in graph:
            return
        for other in graph[module]:
            visit(other, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, submodules taken by name included."""
    found = set()
    for module, names in imported_modules(parse(path)):
        if module.startswith("slam_frontend"):
            submodules = {f"{module}.{name}" for name in names} & {module_name(source) for source in SOURCES}
            found |= submodules or {module}
    return found - {module_name(path), "slam_frontend"}
