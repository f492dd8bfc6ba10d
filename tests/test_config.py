"""Settings: defaults, files, overrides, and mistakes that are named with the key and the way out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slam_frontend.config import RunConfig, Section, dump_config, load_config, parse_config
from slam_frontend.errors import ConfigError
from slam_frontend.training.config import JointConfig, LabelConfig, TrainingConfig
from slam_frontend.training.homographies import HomographyConfig

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


def test_the_package_runs_without_any_file() -> None:
    assert load_config(RunConfig) == RunConfig()


def test_a_file_states_differences_and_overrides_come_on_top(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extractor:\n  name: sift\ntracker:\n  min_inliers: 25\n")
    config = load_config(RunConfig, tmp_path / "mine.yaml", ["tracker.min_inliers=30", "sensor=mono"])
    assert (config.extractor.name, config.tracker.min_inliers, config.sensor) == ("sift", 30, "mono")
    assert config.matcher == RunConfig().matcher


def test_a_file_is_read_in_utf8_wherever_that_is_not_the_systems_own_encoding(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extractor: {weights: größer.pt}  # für innen\n", encoding="utf-8")
    code = (
        "from slam_frontend.config import RunConfig, load_config\n"
        "print(ascii(str(load_config(RunConfig, 'mine.yaml').extractor.weights)))"
    )
    package = os.pathsep.join([str(CONFIGS[0].parents[1]), os.environ.get("PYTHONPATH", "")])
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": package}
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **plain}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == ascii("größer.pt"), done.stderr


def test_what_a_run_used_can_be_run_again(tmp_path: Path) -> None:
    config = load_config(RunConfig, overrides=["extractor.max_keypoints=700", "extractor.options={levels: 4}"])
    (tmp_path / "used.yaml").write_text(dump_config(config))
    assert load_config(RunConfig, tmp_path / "used.yaml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("matcher: {ration: 0.8}", r"mine\.yaml: matcher\.ration is unknown, did you mean matcher\.ratio\?"),
        ("zzzz: 1", "zzzz is unknown; known: sensor"),
        ("tracker: {min_inliers: many}", r"tracker\.min_inliers: .*found 'many'"),
        ("tracker: {min_inliers: 1}", r"tracker\.min_inliers: .*found 1"),
        ("sensor: sonar", "sensor: .*'mono', 'stereo' or 'rgbd'"),
        ("- a list", "expected sections with keys, found list"),
        ("a: [", "not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_mistake_in_a_file_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(RunConfig, tmp_path / "mine.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml: can't be read .*; name an existing YAML file$"):
        load_config(RunConfig, tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tracker.min_inliers", r"expected section\.key=value"),
        ("sensor.kind=mono", "sensor is a value, not a section"),
        ("tracker.min_inliers=[", "not valid YAML"),
        ("extractor.weights=2024-13-45", "not valid YAML"),
        ("depth.max_disparity=.inf", r"depth\.max_disparity: .* finite number"),
        ("tracker.min_inlier=3", r"did you mean tracker\.min_inliers\?"),
    ],
)
def test_a_mistake_in_an_override_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(RunConfig, overrides=["sensor=mono", override])


def test_who_changes_one_value_keeps_what_the_default_of_its_section_states_of_the_others() -> None:
    views = LabelConfig().homography
    config = load_config(TrainingConfig, overrides=["label.homography.rotation=1.0", "joint.second.scale=2.0"])
    assert config.label.homography == views.model_copy(update={"rotation": 1.0})
    assert config.joint.second == JointConfig().second.model_copy(update={"scale": 2.0})
    assert views != HomographyConfig(rotation=views.rotation)  # or this would show nothing


def test_a_default_within_a_default_is_kept_too() -> None:
    class Inner(Section):
        x: int = 0
        y: int = 0

    class Middle(Section):
        inner: Inner = Inner()
        z: int = 0

    class Outer(Section):
        middle: Middle = Middle(inner=Inner(x=1, y=2), z=5)

    parsed = parse_config(Outer, {"middle": {"inner": {"x": 9}}}, source="test")
    assert parsed == Outer(middle=Middle(inner=Inner(x=9, y=2), z=5))


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().tracker.min_inliers = 3  # type: ignore[misc]


def test_an_empty_section_is_its_defaults() -> None:
    assert parse_config(RunConfig, {}, source="nothing") == RunConfig()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_files_state_differences_only(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 30
