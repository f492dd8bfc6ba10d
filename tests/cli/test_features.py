"""``slam-frontend evaluate features`` and ``detection``: what can't be measured is said first and leaves nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import draw_shapes, one_sentence, run_main

from slam_frontend.cli.features import _out_folder
from slam_frontend.evaluation import features


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the working one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here: Path) -> Path:
    """Two pictures of shapes."""
    return draw_shapes(Path("photos"), 2)


@pytest.fixture
def scenes(photos: Path) -> Path:
    """Three scenes of three pairs each, whose images are all the same."""
    for name in ("v_0", "v_1", "v_2"):
        folder = Path("wrap/hp") / name
        folder.mkdir(parents=True)
        for number in range(1, 5):
            shutil.copy(photos / "0.png", folder / f"{number}.png")
        for number in range(2, 5):
            np.savetxt(folder / f"H_1_{number}", np.eye(3))
    return Path("wrap/hp")


@pytest.mark.parametrize("damage", [Path.unlink, lambda image: image.write_bytes(b"")])
def test_a_bad_scene_is_named_before_any_is_measured(scenes: Path, damage, monkeypatch, capsys) -> None:
    damage(scenes / "v_2" / "4.png")
    with monkeypatch.context() as patch:
        patch.setattr(features, "measure_repeatability", lambda *_: pytest.fail("measured before all was checked"))
        assert run_main("evaluate", "features", scenes, "--features", "orb") == 2
    said = one_sentence(capsys)
    assert "v_2" in said and "4" in said and "fetch the scene again" in said
    assert run_main("evaluate", "features", scenes, "--features", "orb", "--limit", 2) == 0
    assert "wrap/hp: 6 pairs" in capsys.readouterr().out


def test_the_title_counts_the_pairs_of_all_splits(scenes: Path, capsys) -> None:
    (scenes / "v_2").rename(scenes / "i_2")
    assert run_main("evaluate", "features", scenes, "--features", "orb") == 0
    assert "wrap/hp: 9 pairs" in capsys.readouterr().out


def test_scenes_below_are_pointed_to_and_not_taken_for_photographs(scenes: Path, capsys) -> None:
    assert run_main("evaluate", "features", ".", "--features", "orb") == 2
    assert "found them in wrap/hp; name that" in one_sentence(capsys)


def test_random_warps_are_called_so(photos: Path, capsys) -> None:
    assert run_main("evaluate", "features", photos, "--features", "orb") == 0
    assert "photos: 2 pairs by random warps" in capsys.readouterr().out


@pytest.mark.parametrize("seed", [-1, 2**31, 2**70])
@pytest.mark.parametrize("command", ["evaluate features photos", "evaluate detection", "show heatmap photos/0.png"])
def test_a_seed_that_no_generator_takes_is_refused(photos: Path, command: str, seed: int, capsys) -> None:
    assert run_main(*command.split(), "--seed", seed) == 2
    said = capsys.readouterr().err
    assert "Invalid value for '--seed'" in said and "Traceback" not in said


def test_who_fails_leaves_no_folder_and_takes_no_name(photos: Path, monkeypatch, capsys) -> None:
    def run_out_of_memory(*_: object) -> None:
        raise MemoryError

    assert run_main("evaluate", "features", photos, "--features", "orb") == 0
    assert run_main("evaluate", "features", "nowhere", "--features", "orb") == 2
    assert "nowhere: does not exist" in one_sentence(capsys)
    assert run_main("evaluate", "detection", "--features", "superpoint=nowhere.pt") == 2
    with monkeypatch.context() as patch:
        patch.setattr(features, "measure_matching", run_out_of_memory)
        with pytest.raises(MemoryError):
            run_main("evaluate", "features", photos, "--features", "orb")
    capsys.readouterr()
    assert run_main("evaluate", "features", photos, "--features", "orb", "--json") == 0
    assert json.loads(capsys.readouterr().out)["folder"] == "runs/evaluate_features-2"
    assert sorted(path.name for path in Path("runs").iterdir()) == ["evaluate_features", "evaluate_features-2"]
    assert Path("runs/evaluate_features-2/scores.json").exists()


def test_a_folder_of_ones_own_stays_where_nothing_came_of_it(here: Path) -> None:
    (here / "mine").mkdir()
    assert run_main("evaluate", "features", "nowhere", "--out", "mine") == 2
    assert (here / "mine").is_dir()


def test_two_that_measure_at_once_have_folders_of_their_own() -> None:
    with _out_folder(None, "scores") as first, _out_folder(None, "scores") as second:
        assert first != second and first.is_dir() and second.is_dir()
        (first / "scores.json").write_text("{}")
    assert list(Path("runs").iterdir()) == [first]
