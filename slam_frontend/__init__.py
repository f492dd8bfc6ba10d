"""A visual SLAM frontend with learned features: a recording goes in, a trajectory and a map come out."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what a reader of types sees of the names below; whoever runs it loads them on first use
    from slam_frontend.config import RunConfig as RunConfig
    from slam_frontend.config import load_config as load_config
    from slam_frontend.datasets import open_sequence as open_sequence
    from slam_frontend.errors import FrontendError as FrontendError
    from slam_frontend.features import create_extractor as create_extractor
    from slam_frontend.frontend import Frontend as Frontend
    from slam_frontend.matching import create_matcher as create_matcher
    from slam_frontend.pipeline import run_sequence as run_sequence
    from slam_frontend.run_folder import read_run as read_run
    from slam_frontend.trajectory import Trajectory as Trajectory
    from slam_frontend.trajectory import read_trajectory as read_trajectory
    from slam_frontend.trajectory import write_kitti as write_kitti
    from slam_frontend.trajectory import write_tum as write_tum
    from slam_frontend.types import Camera as Camera
    from slam_frontend.types import Features as Features
    from slam_frontend.types import Frame as Frame
    from slam_frontend.types import Sensor as Sensor

__version__ = "0.1.0"

_PUBLIC = {
    "Frontend": "slam_frontend.frontend",
    "RunConfig": "slam_frontend.config",
    "load_config": "slam_frontend.config",
    "FrontendError": "slam_frontend.errors",
    "Trajectory": "slam_frontend.trajectory",
    "read_trajectory": "slam_frontend.trajectory",
    "write_tum": "slam_frontend.trajectory",
    "write_kitti": "slam_frontend.trajectory",
    "read_run": "slam_frontend.run_folder",
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


if not TYPE_CHECKING:  # which would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Load a public name on first use (PEP 562), so that importing the package costs nothing."""
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
