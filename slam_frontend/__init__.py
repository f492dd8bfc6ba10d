"""A visual SLAM frontend with learned features: a recording goes in, a trajectory and a map come out."""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Frontend": "slam_frontend.frontend",
    "RunConfig": "slam_frontend.config",
    "load_config": "slam_frontend.config",
    "Trajectory": "slam_frontend.trajectory",
    "create_extractor": "slam_frontend.features",
    "create_matcher": "slam_frontend.matching",
    "open_sequence": "slam_frontend.datasets",
    "run_sequence": "slam_frontend.pipeline",
    "Camera": "slam_frontend.types",
    "Features": "slam_frontend.types",
    "Frame": "slam_frontend.types",
    "Sensor": "slam_frontend.types",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562), so that importing the package costs nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
