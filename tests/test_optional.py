"""Optional packages are asked for in one sentence."""

import ast
import math
import signal
import sys
from pathlib import Path

import pytest

from slam_frontend.errors import MissingDependency
from slam_frontend.optional import require


def test_what_is_installed_is_given() -> None:
    assert require("math", extra="viewer") is math


def test_what_is_missing_names_the_pip_command() -> None:
    with pytest.raises(MissingDependency, match=r'no_such_package is needed .* pip install "slam-frontend\[viewer\]"'):
        require("no_such_package.sub", extra="viewer")


@pytest.mark.parametrize(
    ("library", "remedy"),
    [("libusb-1.0.so.0", "sudo apt-get install libusb-1.0-0"), ("libexotic.so.7", "your system's tools")],
)
def test_a_missing_system_library_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, remedy: str
) -> None:
    (tmp_path / "needy.py").write_text(
        f"raise OSError('{library}: cannot open shared object file: No such file or directory')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependency, match=f"needy is installed, but needs the system's {library}.*{remedy}"):
        require("needy", extra="viewer")


def test_what_a_package_does_to_signals_is_undone(tmp_path, monkeypatch) -> None:
    (tmp_path / "greedy.py").write_text("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    require("greedy", "x")
    assert signal.getsignal(signal.SIGTERM) == before


def test_packages_report_their_import_to_nobody(tmp_path, monkeypatch) -> None:
    (tmp_path / "openvino_telemetry.py").write_text("")
    (tmp_path / "talkative.py").write_text(
        "try:\n    import openvino_telemetry\n    reports = True\nexcept ImportError:\n    reports = False\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "openvino_telemetry", raising=False)
    assert not require("talkative", "x").reports
    assert "openvino_telemetry" not in sys.modules, "hidden for good from who wants it"


def test_ctrl_c_while_a_package_is_imported_is_no_missing_package(tmp_path, monkeypatch) -> None:
    """A module in C says that its initialisation failed."""
    (tmp_path / "slow.py").write_text(
        "try:\n    raise KeyboardInterrupt\nexcept KeyboardInterrupt as error:\n"
        "    raise ImportError('initialization failed') from error\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        require("slow", "x")


def test_the_extra_for_training_brings_what_its_last_step_writes_the_graph_with() -> None:
    tree = ast.parse((Path(__file__).parents[1] / "setup.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "EXTRAS"]
    assert any(requirement.startswith("onnx>") for requirement in ast.literal_eval(values[0])["train"])
