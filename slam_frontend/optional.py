"""Optional packages, imported where they are used and asked for in one sentence when missing."""

import importlib
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from slam_frontend.errors import MissingDependency

# What packages of PyPI expect the system to bring, and Debian's and Ubuntu's name for it.
SYSTEM_PACKAGES = {
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11.so.6": "libx11-6",
    "libgomp.so.1": "libgomp1",
}

_HIDING = threading.RLock()
REPORTERS = ("openvino_telemetry",)  # of OpenVINO and NNCF, to Google Analytics


def require(module: str, extra: str) -> ModuleType:
    """The imported module, or MissingDependency with the command that brings what is missing."""
    heeded = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _HIDING, _unreported():
            return importlib.import_module(module)
    except (ImportError, OSError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # a module in C takes Ctrl-C for a failure of its own
            raise KeyboardInterrupt from error
        raise MissingDependency(_sentence(module.split(".")[0], extra, error)) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in heeded.items():
                if handler is not None:
                    signal.signal(number, handler)  # pycolmap brings one that aborts with a stack trace


@contextmanager
def _unreported() -> Iterator[None]:
    """Packages imported here don't find what they tell their makers of each import with, and do without."""
    hidden = [name for name in REPORTERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _sentence(package: str, extra: str, error: Exception) -> str:
    library = re.match(r"(\S+\.so[.\d]*): cannot open shared object", str(error))
    if library:
        name = SYSTEM_PACKAGES.get(library[1])
        remedy = f"sudo apt-get install {name} on Debian and Ubuntu" if name else "install it with your system's tools"
        return f"{package} is installed, but needs the system's {library[1]}, which is missing: {remedy}"
    return f'{package} is needed here and can\'t be imported ({error}): pip install "slam-frontend[{extra}]"'
