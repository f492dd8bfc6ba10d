"""Names that resolve to built-in parts or to another package's, found through its entry points."""

from importlib.metadata import EntryPoint

import pytest

from slam_frontend import registry
from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import PluginError
from slam_frontend.features import create_extractor
from slam_frontend.registry import Registry, extractors, matchers, sequences


def plug_in(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    """Lets the registry see entry points as if a package with them were installed."""
    monkeypatch.setattr(registry, "entry_points", lambda group: [point for point in points if point.group == group])


def point(name: str, value: str, group: str = "slam_frontend.extractors") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=group)


@pytest.mark.parametrize("known", [extractors, matchers, sequences], ids=lambda known: known.kind)
def test_every_built_in_name_resolves(known: Registry) -> None:
    for name in known.builtin:
        assert callable(known.resolve(name))


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(PluginError, match=r"no extractor is called 'orbs'; there are .*orb"):
        create_extractor({"name": "orbs"})


def test_another_package_s_extractor_is_made_from_its_config(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, point("mine", "synthetic:FakeExtractor"))
    extractor = create_extractor({"name": "mine", "options": {"levels": 3}})
    assert extractor.name == "fake"
    assert extractor.world == ExtractorConfig(name="mine", options={"levels": 3})  # its only argument
    assert "mine" in extractors.names()


def test_a_built_in_name_cannot_be_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, point("orb", "synthetic:FakeExtractor"))
    assert create_extractor({"name": "orb"}).name == "orb"
    assert extractors.names().count("orb") == 1


def test_a_plugin_that_does_not_load_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, point("broken", "no_such_module:Extractor"))
    with pytest.raises(PluginError, match=r"'broken' \(no_such_module:Extractor\) can't be loaded: .*no_such_module"):
        extractors.resolve("broken")
