"""The command and the package start without loading what they don't need."""

import os
import subprocess
import sys

import pytest

import slam_frontend

HEAVY = {"torch", "cv2", "open3d", "scipy", "matplotlib", "openvino", "numpy", "pydantic"}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def processor_seconds(code: str, *arguments: str) -> float:
    """Of a fresh interpreter, the fastest of three: unlike the clock, it doesn't count the neighbours' work."""
    seconds = []
    for _ in range(3):
        before = os.times()
        assert python(code, *arguments).returncode == 0
        after = os.times()
        seconds.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return min(seconds)


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = python("import sys, slam_frontend; print(*sys.modules)").stdout.split()
    assert not HEAVY & set(loaded)


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = python("import sys, slam_frontend.cli.main; print(*sys.modules)").stdout.split()
    assert "slam_frontend.cli.main" in loaded
    assert not HEAVY & set(loaded)


def test_importing_the_package_takes_less_than_a_tenth_of_a_second() -> None:
    assert processor_seconds("import slam_frontend") - processor_seconds("pass") < 0.1


def test_help_takes_less_than_half_a_second() -> None:
    assert processor_seconds("from slam_frontend.cli.main import main; main()", "--help") < 0.5


def test_every_public_name_can_be_loaded() -> None:
    for name in slam_frontend.__all__:
        assert getattr(slam_frontend, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = slam_frontend.nonsense


def test_version_is_the_package_s() -> None:
    result = python("from slam_frontend.cli.main import main; main()", "--version")
    assert result.returncode == 0
    assert slam_frontend.__version__ in result.stdout


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "slam_frontend", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == f"slam-frontend {slam_frontend.__version__}", result.stderr


def test_help_names_the_commands() -> None:
    result = python("from slam_frontend.cli.main import main; main()", "--help")
    for command in ("run", "evaluate", "train"):
        assert command in result.stdout
