"""The whole recipe in miniature, through the command line."""

import json
import logging
import shutil
import signal
import sys

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from slam_frontend.cli.main import app
from slam_frontend.config import ExtractorConfig, load_config
from slam_frontend.errors import ConfigError, SequenceError, WeightsError
from slam_frontend.features import create_extractor
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import NetworkConfig
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint
from slam_frontend.training import stages
from slam_frontend.training.config import TrainingConfig
from slam_frontend.training.loop import Loop
from slam_frontend.training.shapes import render
from slam_frontend.training.shipping import ship
from slam_frontend.training.sources import how_labelled

TINY = """
name: superpoint-fast
folder: {folder}
photos: [{photos}]
validation_count: 2
photo_size: [64, 96]
network: {{blocks: [[2, 4], [4, 4], [4, 4]], stem_stride: 2, head: 8, descriptor_dim: 8}}
shapes: {{count: 8, validation: 4, size: [48, 64]}}
magicpoint: {{loop: {{steps: 3, batch: 4, size: [48, 64], validations: 1}}}}
label: {{homographies: 3, batch: 3, count: 30, shard: 4, rounds: 2, threshold: 1.0e-4}}
joint: {{loop: {{steps: 3, batch: 4, size: [48, 64], validations: 1}}}}
"""


@pytest.fixture
def config(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        cv2.imwrite(str(photos / f"{number}.png"), render(rng, (80, 100)).image)
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.format(folder=tmp_path / "run", photos=photos))
    return path


def invoke(*arguments):
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_all_goes_from_shapes_to_a_checkpoint_that_extracts(config, tmp_path):
    invoke("all", config, "--set", "tensorboard=true", "--set", "threshold=0.002")
    assert list((tmp_path / "run" / "tensorboard").rglob("events*"))
    assert stages.load_checkpoint(tmp_path / "run" / "magicpoint.pt")[1].notes.startswith("MagicPoint")
    weights = tmp_path / "run" / "superpoint_fast.pt"
    card = json.loads(weights.with_suffix(".json").read_text())
    assert card["step"] == 3 and card["seed"] == 0 and card["metrics"]["repeatability"] >= 0
    assert card["threshold"] == 0.002
    extractor = create_extractor(ExtractorConfig(name="superpoint-fast", weights=weights, threshold=1e-6))
    features = extractor.extract(render(np.random.default_rng(1), (70, 90)).image)
    assert len(features) > 0 and features.descriptors.shape[1] == 8

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("shard_*.pt")}
    assert len(before) == 2 * 2
    assert "done" not in invoke("all", config)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("shard_*.pt")}


def test_a_checkpoint_labels_and_is_gone_on_from_without_any_shapes(config, tmp_path):
    invoke("all", config)
    weights = tmp_path / "run" / "superpoint_fast.pt"
    again = ["--set", f"folder={tmp_path / 'again'}", "--set", f"label.teacher={weights}"]
    assert "run the stage before" not in invoke("label", config, *again)
    invoke("superpoint", config, *again, "--set", f"joint.start={weights}", "--set", "joint.loop.rate=1e-9")
    before, after = (
        stages.load_checkpoint(folder / weights.name)[0] for folder in (weights.parent, tmp_path / "again")
    )
    difference = (before.layer("convPb").weight - after.layer("convPb").weight).abs().max()
    assert difference < 1e-4, "a rate of nothing should leave the network as it was"


def test_a_larger_network_teaches_the_detector_of_a_smaller_one(config, tmp_path):
    torch.manual_seed(1)
    teacher = tmp_path / "teacher.pt"
    larger = NetworkConfig(blocks=((4, 4), (4, 4), (4, 4)), stem_stride=2, head=8, descriptor_dim=8)
    save_checkpoint(teacher, SuperPoint(larger), Card(name="teacher", network=larger))
    invoke("magicpoint", config)
    invoke("label", config)
    shutil.copytree(tmp_path / "run", tmp_path / "untaught")
    invoke("superpoint", config, "--set", f"joint.teacher={teacher}")
    invoke("superpoint", config, "--set", f"folder={tmp_path / 'untaught'}")
    (taught, card), (untaught, _) = (
        stages.load_checkpoint(tmp_path / folder / "superpoint_fast.pt") for folder in ("run", "untaught")
    )
    assert card.config["joint"]["teacher"] == str(teacher)
    assert (taught.layer("convPb").bias != untaught.layer("convPb").bias).any()
    with pytest.raises(ConfigError, match="teacher or target: hard"):
        load_config(TrainingConfig, config, [f"joint.teacher={teacher}", "joint.target=hard"])


def test_without_onnx_the_checkpoint_is_written_and_the_graph_s_command_is_told(config, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "onnx", None)
    stale = tmp_path / "run" / "superpoint_fast.onnx"
    stale.parent.mkdir()
    stale.write_bytes(b"of other weights")
    assert "checkpoint and card written" in invoke("all", config, "--set", "label.rounds=1")
    weights = stale.with_suffix(".pt")
    assert stages.load_checkpoint(weights)[1].step == 3
    assert not stale.exists()
    assert f"slam-frontend export onnx {stale} --weights {weights}" in caplog.text


def test_a_larger_network_grows_from_a_checkpoint_and_a_smaller_one_is_refused(config, tmp_path):
    invoke("all", config)
    weights = tmp_path / "run" / "superpoint_fast.pt"
    again = ["--set", f"folder={tmp_path / 'again'}", "--set", f"label.teacher={weights}"]
    invoke("label", config, *again)
    invoke("superpoint", config, *again, "--set", f"joint.start={weights}", "--set", "network.head=40")
    network, card = stages.load_checkpoint(tmp_path / "again" / weights.name)
    assert network.config.head == card.network.head == 40
    started = [*again[1::2], f"joint.start={weights}"]
    with pytest.raises(ConfigError, match="smaller network"):
        stages.superpoint(load_config(TrainingConfig, config, [*started, "network.head=2"]))
    with pytest.raises(ConfigError, match="only equals can be blended"):
        stages.superpoint(load_config(TrainingConfig, config, [*started, "network.head=40", "joint.keep_of_start=0.1"]))


def test_magicpoint_leaves_a_checkpoint_that_extracts(config, tmp_path):
    assert "magicpoint.pt" in invoke("magicpoint", config)
    settings = ExtractorConfig(name="superpoint", weights=tmp_path / "run" / "magicpoint.pt", threshold=1e-6)
    assert len(create_extractor(settings).extract(render(np.random.default_rng(1), (64, 96)).image)) > 0


def test_a_stage_that_was_at_its_end_says_so(config, tmp_path):
    commands = (("magicpoint", config), ("label", config), ("superpoint", config))
    for command in commands:
        assert "already" not in invoke(*command)
    weights = tmp_path / "run" / "superpoint_fast.pt"
    weights.unlink()
    for command in commands:
        assert "already" in invoke(*command)
    assert json.loads(invoke(*commands[0], "--json"))["stood_already"]
    assert "already" not in invoke(*commands[1], "--set", "label.shard=3"), "files of other photographs"
    assert "already" not in invoke(*commands[1], "--set", "label.shard=5"), "the first file holds more now"
    assert weights.exists(), "what ships of it is written all the same"


def test_labels_that_were_cut_are_named_when_the_rest_is_labelled(config, tmp_path):
    invoke("magicpoint", config)
    invoke("label", config)
    shard = tmp_path / "run" / "labels_1" / "shard_000000.pt"
    shard.write_bytes(shard.read_bytes()[:500])
    for stage in (stages.label, stages.superpoint):
        with pytest.raises(ConfigError, match=r"shard_000000\.pt: is empty or damaged; delete it .*train label"):
            stage(load_config(TrainingConfig, config))
    shard.unlink()
    invoke("label", config)
    invoke("superpoint", config)


def test_labels_that_were_made_otherwise_are_not_mixed(config, tmp_path, caplog):
    invoke("magicpoint", config)
    invoke("label", config)
    labels = tmp_path / "run" / "labels_1"
    (labels / "shard_000004.pt").unlink()
    with pytest.raises(ConfigError, match=r"made with homographies=3, count=30, expected homographies=4, count=20;"):
        stages.label(load_config(TrainingConfig, config, ["label.homographies=4", "label.count=20"]))
    teacher = tmp_path / "run" / "magicpoint.pt"
    stages.label(load_config(TrainingConfig, config, [f"label.teacher={teacher}", "label.batch=2"]))
    assert "begun by magicpoint/last.pt at step 3, what is missing is made by magicpoint.pt at step 3" in caplog.text
    (labels / "settings.json").unlink()
    stages.label(load_config(TrainingConfig, config, ["label.homographies=4"]))  # of an older version
    assert not (labels / "settings.json").exists()


def test_the_card_tells_how_the_labels_were_made(config, tmp_path):
    invoke("magicpoint", config)
    stages.label(load_config(TrainingConfig, config, ["label.homographies=2", "label.batch=2"]))
    invoke("superpoint", config)
    label = json.loads((tmp_path / "run" / "superpoint_fast.json").read_text())["config"]["label"]
    assert label["homographies"] == 2, "not the config's 3"
    assert label["batch"] == 3, "which labels don't show"
    assert label["teacher"] == "magicpoint/last.pt at step 3"


def test_a_note_older_than_a_setting_is_of_its_default(tmp_path):
    assert how_labelled(tmp_path) == {}
    (tmp_path / "settings.json").write_text(json.dumps({"settings": {"homographies": 7, "seed": 1}, "teacher": "t"}))
    told = how_labelled(tmp_path)
    assert (told["homographies"], told["votes"], told["teacher"]) == (7, False, "t")
    assert "seed" not in told and "batch" not in told


def test_a_teacher_that_is_not_done_is_told_of(config, tmp_path, caplog):
    invoke("magicpoint", config)
    loaded = load_config(TrainingConfig, config, ["magicpoint.loop.steps=12"])
    stages.magicpoint(loaded, is_stopped=iter([False, True]).__next__)
    stages.label(loaded)
    assert "magicpoint/last.pt: has come to 33 % of its training only" in caplog.text


def test_a_network_of_another_shape_than_the_last_stage_s_is_told_in_a_sentence(config, tmp_path):
    invoke("magicpoint", config)
    other = load_config(TrainingConfig, config, ["network.head=16"])
    with pytest.raises(ConfigError, match=r"magicpoint/last\.pt: is of another network than the config's"):
        stages.label(other)


@pytest.mark.parametrize("key", ["label.teacher", "joint.start", "joint.teacher"])
def test_a_checkpoint_that_is_missing_is_named_before_anything_is_rendered(config, tmp_path, key):
    result = CliRunner().invoke(app, ["train", "all", str(config), "--set", f"{key}={tmp_path / 'none.pt'}"])
    assert isinstance(result.exception, WeightsError) and "none.pt" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_photographs_to_validate_with_are_not_learned_from(config, tmp_path, monkeypatch):
    learned = []

    class Watched(stages.JointTask):
        def __init__(self, photos, labels, validation, *others):
            learned.append((photos, validation))
            super().__init__(photos, labels, validation, *others)

    monkeypatch.setattr(stages, "JointTask", Watched)
    invoke("magicpoint", config)
    invoke("label", config)
    invoke("superpoint", config)
    ((photos, validation),) = learned
    assert len(photos) == 4 and len(validation) == 1
    assert (photos != validation).flatten(1).any(1).all()


def test_other_shapes_than_those_rendered_are_asked_for_in_vain(config, tmp_path):
    invoke("shapes", config)
    assert "already" in invoke("shapes", config)
    smaller = ["shapes.size=[64,64]", "magicpoint.loop.size=[64,64]"]
    for settings in (["shapes.count=9"], ["shapes.validation=5"], smaller):
        with pytest.raises(ConfigError, match=r"expected \d shapes of .*found \d of 48x64; .* delete the file"):
            stages.has_shapes(load_config(TrainingConfig, config, settings))


def test_the_card_tells_what_was_trained_on_and_how_whatever_ships_it(config, tmp_path):
    invoke("magicpoint", config)
    other = tmp_path / "mine"
    shutil.copytree(tmp_path / "photos", other)
    invoke("label", config, other)
    start = tmp_path / "run" / "magicpoint.pt"
    begun = ["--set", f"joint.start={start}"]
    invoke("superpoint", config, *begun, "--set", "joint.loop.rate=1e-3", "--set", "seed=7")
    again = [*begun, "--set", "joint.keep_of_start=0.25", "--set", "threshold=0.01"]
    invoke("ship", config, *again, "--into", tmp_path / "half")
    card = json.loads((tmp_path / "half" / "superpoint_fast.json").read_text())
    assert (card["data"], card["seed"], card["threshold"]) == ("mine", 7, 0.01)
    assert card["config"]["joint"]["loop"]["rate"] == 1e-3
    assert card["config"]["joint"]["keep_of_start"] == 0.25


def test_a_training_goes_on_and_ships_with_nothing_but_the_checkpoint_that_it_began_from(config, tmp_path):
    def load(start, *more):
        return load_config(TrainingConfig, config, [f"joint.start={start}", "label.rounds=1", *more])

    invoke("magicpoint", config)
    invoke("label", config)
    invoke("superpoint", config)
    weights = tmp_path / "run" / "superpoint_fast.pt"
    start, other = (shutil.copy(weights, tmp_path / name) for name in ("start.pt", "other.pt"))
    refused = r"joint\.start: .*joint_1 began from {}, found .*{}; set it as it was, or choose another folder"
    with pytest.raises(ConfigError, match=refused.format("no checkpoint", r"start\.pt")):
        ship(load(start, "joint.keep_of_start=0.5"), 1)
    (tmp_path / "run" / "joint_1" / "last.pt").unlink()
    stages.superpoint(load(start))
    for go_on in (stages.require_inputs, stages.superpoint):
        with pytest.raises(ConfigError, match=refused.format(r".*start\.pt", r"other\.pt")):
            go_on(load(other, "joint.loop.steps=6"))
    with pytest.raises(ConfigError, match=refused.format(r".*start\.pt", "none")):
        stages.superpoint(load("null"))
    moved = shutil.move(start, tmp_path / "run" / "start.pt")
    ship(load(moved, "joint.keep_of_start=0.5"), 1)


def test_a_share_of_the_start_is_refused_before_two_rounds_are_trained(config, tmp_path):
    invoke("all", config, "--set", "label.rounds=1")
    weights = tmp_path / "run" / "superpoint_fast.pt"
    loaded = load_config(TrainingConfig, config, [f"joint.start={weights}", "joint.keep_of_start=0.2"])
    for refused in (lambda: stages.require_inputs(loaded), lambda: stages.superpoint(loaded, 2)):
        with pytest.raises(ConfigError, match="round 2 begins with round 1's network"):
            refused()


def test_photographs_that_once_validated_go_on_doing_so(config, tmp_path):
    loaded = load_config(TrainingConfig, config)
    named = load_config(TrainingConfig, config, [f"validation_photos={tmp_path / 'photos'}"])
    stages.load_photos(loaded.photos, loaded.photo_size, tmp_path / "run" / "photos.pt")
    assert len(stages.validation_photos(loaded)) == 1
    assert len(stages.validation_photos(named)) == len(stages.validation_photos(loaded)) == 2


def test_a_finished_training_keeps_its_card_whatever_it_is_asked_again(config, tmp_path):
    invoke("all", config)
    invoke("superpoint", config, "--round", "2", "--set", "joint.loop.rate=0.5")
    card = json.loads((tmp_path / "run" / "superpoint_fast.json").read_text())
    assert card["config"]["joint"]["loop"]["rate"] == 2e-3
    assert json.loads((tmp_path / "run" / "magicpoint.json").read_text())["data"] == "synthetic shapes"


def test_a_training_that_goes_on_tells_which_settings_are_others_now(config, tmp_path, caplog):
    invoke("magicpoint", config)
    invoke("magicpoint", config, "--set", "magicpoint.photometric.blur=9")  # stands already
    assert "other settings" not in caplog.text
    invoke("magicpoint", config, "--set", "magicpoint.photometric.blur=9", "--set", "magicpoint.loop.steps=4")
    changed = "magicpoint.loop.steps=3 (now 4), magicpoint.photometric.blur=7 (now 9)"
    last = tmp_path / "run" / "magicpoint" / "last.pt"
    assert f"{last}: goes on with other settings than it was trained with: {changed}" in caplog.messages
    caplog.clear()
    caplog.set_level(logging.WARNING)  # whatever commands before this one have set
    stages.magicpoint(load_config(TrainingConfig, config, ["magicpoint.photometric.blur=9", "magicpoint.loop.steps=4"]))
    assert not caplog.messages


def test_an_interrupted_training_stops_in_order_and_says_so(config, tmp_path, monkeypatch):
    monkeypatch.setattr(Loop, "advance", interrupting(Loop.advance))
    result = CliRunner().invoke(app, ["train", "magicpoint", str(config)])
    assert result.exit_code == 130 and "the same command goes on from here" in result.output
    state = torch.load(tmp_path / "run" / "magicpoint" / "last.pt", weights_only=True)
    assert state["step"] == 1
    assert "magicpoint.pt" in invoke("magicpoint", config)


def test_an_interrupt_at_the_end_of_a_stage_ends_the_whole_recipe(config, tmp_path, monkeypatch):
    monkeypatch.setattr(Loop, "advance", interrupting(Loop.advance))
    arguments = ["all", str(config), "--set", "magicpoint.loop.steps=1"]
    assert CliRunner().invoke(app, ["train", *arguments]).exit_code == 130
    assert not (tmp_path / "run" / "labels_1").exists()
    assert "superpoint_fast.pt" in invoke(*arguments)


def interrupting(advance):
    """A step in whose middle somebody presses Ctrl-C, the first time."""
    pressed = []

    def advance_and_press(loop):
        if not pressed:
            pressed.append(signal.raise_signal(signal.SIGINT))
        return advance(loop)

    return advance_and_press


def test_each_stage_says_what_is_missing(config):
    loaded = load_config(TrainingConfig, config)
    with pytest.raises(ConfigError, match="train shapes"):
        stages.magicpoint(loaded)
    with pytest.raises(ConfigError, match="run the stage before"):
        stages.label(loaded)
    with pytest.raises(ConfigError, match="train label"):
        stages.superpoint(loaded)


def test_other_photographs_get_neither_the_stored_ones_nor_their_labels(config, tmp_path):
    invoke("magicpoint", config)
    invoke("label", config)
    other, run = tmp_path / "other", tmp_path / "run"
    shutil.copytree(tmp_path / "photos", other)
    (other / "4.png").unlink()
    loaded = load_config(TrainingConfig, config, [f"photos=[{other}]"])
    with pytest.raises(ConfigError, match=r"photos\.pt: expected the photographs of .*other"):
        stages.label(loaded)
    (run / "photos.pt").unlink()
    for stage in (stages.label, stages.superpoint):
        with pytest.raises(ConfigError, match=r"labels_1: expected labels of .*other"):
            stage(loaded)
    shutil.rmtree(run / "labels_1")
    invoke("label", config, other)
    invoke("superpoint", config)  # learns from what was labelled, whatever the config names


def test_labels_of_unknown_photographs_are_not_taken_for_those_of_new_ones(config, tmp_path):
    invoke("magicpoint", config)
    invoke("label", config)
    (tmp_path / "run" / "labels_1" / "photos.json").unlink()
    with pytest.raises(ConfigError, match="found those of unknown ones"):
        stages.label(load_config(TrainingConfig, config))
    (tmp_path / "run" / "photos.json").unlink()
    invoke("label", config)  # a folder of an older version has neither note


def test_a_mistyped_path_is_not_taken_for_the_stored_photographs(config, tmp_path):
    result = CliRunner().invoke(app, ["train", "label", str(config), str(tmp_path / "fotos")])
    assert result.exit_code == 2 and "does not exist" in result.output


@pytest.mark.parametrize("key", ["photos", "validation_photos"])
def test_missing_photographs_are_named_before_anything_is_rendered(config, tmp_path, key):
    nowhere = tmp_path / "nowhere.tar"
    value = f"{key}=[{nowhere}]" if key == "photos" else f"{key}={nowhere}"
    result = CliRunner().invoke(app, ["train", "all", str(config), "--set", value])
    assert isinstance(result.exception, ConfigError)
    assert f"{nowhere}: does not exist" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_a_folder_without_photographs_is_named_before_anything_is_rendered(config, tmp_path):
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(app, ["train", "all", str(config), "--set", f"photos=[{tmp_path / 'empty'}]"])
    assert isinstance(result.exception, SequenceError)
    assert "empty: no photograph found" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_missing_validation_photographs_are_named_before_any_are_decoded(config, tmp_path):
    loaded = load_config(TrainingConfig, config, [f"validation_photos={tmp_path / 'val.tar'}"])
    with pytest.raises(ConfigError, match=r"val\.tar: does not exist.*--set validation_photos=null"):
        stages.superpoint(loaded)


def test_shapes_are_shown_as_a_contact_sheet(tmp_path):
    invoke("shapes", "--show", "--output", tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).std() > 20


@pytest.mark.parametrize("name", ["superpoint", "superpoint_fast", "superpoint_paper"])
def test_the_shipped_configs_are_valid_and_short(name, request):
    path = request.config.rootpath / "configs" / f"{name}.yaml"
    assert len(path.read_text().splitlines()) < 30
    assert load_config(TrainingConfig, path).name.replace("-", "_") == name


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("magicpoint.loop.size=[100, 160]", r"magicpoint\.loop\.size: expected .* multiples of 8.*found \(?\[?100"),
        ("joint.loop.late_size=[240, 321]", r"joint\.loop\.late_size: expected .* multiples of 8"),
        ("shapes.size=[-120, 160]", r"shapes\.size: expected .* multiples of 8"),
        ("photo_size=[0, 320]", r"photo_size: expected .* multiples of 8"),
        ("network.descriptor_dim=0", r"network\.descriptor_dim: .* greater than 0"),
        ("network.blocks=[[0, 4], [4, 4], [4, 4]]", r"network\.blocks.*: .* greater than 0"),
        ("label.homography.scale=0", r"label\.homography\.scale: .* greater than or equal to 1"),
        ("joint.zoom=[0, 2]", r"joint\.zoom\.0: .* greater than or equal to 0.05"),
        ("joint.photometric.blur_fraction=2", r"blur_fraction: .* less than or equal to 1"),
        ("joint.second.perspective=.nan", r"joint\.second\.perspective: .* finite number \(found nan\)"),
        ("magicpoint.photometric.noise=-1", r"magicpoint\.photometric\.noise: .* greater than or equal to 0"),
        ("shapes.size=[64, 64]", r"expected magicpoint\.loop\.size and late_size as shapes\.size"),
        ("magicpoint.loop.late_size=[64, 96]", r"expected magicpoint\.loop\.size and late_size as shapes\.size"),
        ("joint.inset=40", r"joint\.inset that leaves something of photographs of \(64, 96\)"),
        ("joint.keep_of_start=0.5", r"expected joint\.start beside joint\.keep_of_start"),
        ("name=validation-photos", r"expected a name of its own, and validation-photos"),
        ("name=../photos", r"name: .*pattern"),
        ("seed=-1", r"seed: .* greater than or equal to 0"),
    ],
)
def test_what_the_recipe_could_not_work_with_is_refused_at_once(config, setting, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_config(TrainingConfig, config, [setting])
