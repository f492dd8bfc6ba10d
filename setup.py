"""Package metadata; tools are configured in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "slam_frontend" / "__init__.py").read_text("utf-8"))
assert VERSION, "slam_frontend/__init__.py states no __version__"

EXTRAS = {
    "viewer": ["open3d>=0.19", "matplotlib>=3.8", "plotly>=5.20"],
    "fast": ["openvino>=2025.0", "nncf>=2.14"],
    "onnx": ["onnx>=1.16", "onnxruntime>=1.18"],
    "hloc": ["h5py>=3.10"],
    "colmap": ["pycolmap>=4.0"],
    "train": ["tensorboard>=2.16", "onnx>=1.16"],
    "dev": [
        "pytest>=8",
        "pytest-benchmark>=4",
        "pytest-xdist>=3.5",
        "hypothesis>=6.100",
        "ruff>=0.6",
        "mypy>=1.11",
        "types-PyYAML",
        "scipy-stubs",
        "evo>=1.28",
    ],
}

setup(
    name="slam-frontend",
    version=VERSION.group(1),
    description="A visual SLAM frontend with learned features and the code that trains them",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    keywords="SLAM, SuperPoint, visual odometry, keypoints, local features",
    python_requires=">=3.11",
    packages=find_packages(include=["slam_frontend", "slam_frontend.*"]),
    package_data={"slam_frontend": ["py.typed", "weights/*"]},
    install_requires=[
        "torch>=2.4",
        "opencv-python>=4.10,<6",
        "numpy>=2.0",
        "scipy>=1.13",
        "pyyaml>=6",
        "pydantic>=2.7",
        "typer>=0.19",
        "rich>=13",
        "threadpoolctl>=3.2",
        "filelock>=3.12",
    ],
    extras_require={**EXTRAS, "all": sorted({name for names in EXTRAS.values() for name in names})},
    entry_points={"console_scripts": ["slam-frontend=slam_frontend.cli.main:main"]},
)
