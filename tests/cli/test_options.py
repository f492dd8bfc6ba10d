"""What several commands take ``--features`` for."""

from pathlib import Path

import pytest

from slam_frontend.cli.features import _create_extractors as create_to_evaluate
from slam_frontend.cli.options import NAMES, extractor_overrides
from slam_frontend.cli.show import _create_extractors as create_to_show
from slam_frontend.config import RunConfig, load_config
from slam_frontend.errors import WeightsError
from slam_frontend.features.creation import BINARY
from slam_frontend.registry import extractors


@pytest.mark.parametrize("path", ["a: b.pt", "a #b.pt", "123", "null", "[x].pt", "é'\"\\😀 = {.pt"])
def test_a_path_of_weights_is_a_path_whatever_its_name(path: str) -> None:
    config = load_config(RunConfig, None, extractor_overrides(f"superpoint:float={path}"))
    assert config.extractor.weights == Path(path)
    assert (config.extractor.name, config.extractor.precision) == ("superpoint", "float")


def test_the_help_names_every_extractor() -> None:
    assert [name for name in [*extractors.builtin, BINARY] if name not in NAMES] == []


def test_without_features_the_config_decides() -> None:
    assert extractor_overrides(None) == []


def test_spaces_around_names_are_none_of_the_names_and_those_in_paths_stay(tmp_path: Path) -> None:
    assert (
        list(create_to_show(" orb , fast", 100))
        == list(create_to_evaluate("orb,  fast ", 100, None))
        == ["orb", "fast"]
    )
    for create in (lambda names: create_to_show(names, 100), lambda names: create_to_evaluate(names, 100, None)):
        with pytest.raises(WeightsError, match=r"my weights/x\.pt: no such checkpoint"):
            create(f"superpoint={tmp_path}/my weights/x.pt")
