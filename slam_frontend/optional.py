"""Optional packages, imported where they are used and asked for in one sentence when missing."""

import importlib
from types import ModuleType

from slam_frontend.errors import MissingDependency


def require(module: str, extra: str) -> ModuleType:
    """The imported module, or MissingDependency with the pip command that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency(
            f"{module.split('.')[0]} is needed here and can't be imported ({error}): "
            f'pip install "slam-frontend[{extra}]"'
        ) from error
