"""Optional packages are asked for in one sentence."""

import math

import pytest

from slam_frontend.errors import MissingDependency
from slam_frontend.optional import require


def test_what_is_installed_is_given() -> None:
    assert require("math", extra="viewer") is math


def test_what_is_missing_names_the_pip_command() -> None:
    with pytest.raises(MissingDependency, match=r'no_such_package is needed .* pip install "slam-frontend\[viewer\]"'):
        require("no_such_package.sub", extra="viewer")
