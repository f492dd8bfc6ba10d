"""``slam-frontend export`` as a user types it."""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from command_line import Call, one_sentence, run_main

from slam_frontend.adapters.tracks import TrackLog, read_tracks, write_tracks
from slam_frontend.config import RunConfig
from slam_frontend.datasets import open_sequence
from slam_frontend.frontend import Frontend
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint
from slam_frontend.pipeline import run_sequence

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"


@pytest.fixture
def call() -> Call:
    """Runs the command line and gives back its exit code."""
    return run_main


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four frames of the sample, with their calibration."""
    (tmp_path / "images").mkdir()
    for name in ("0.000000.jpg", "0.100000.jpg", "0.200000.jpg", "0.300000.jpg"):
        shutil.copy(SAMPLE / "rgb" / name, tmp_path / "images" / name)
    shutil.copy(SAMPLE / "camera.yaml", tmp_path / "images")
    return tmp_path / "images"


def test_hloc_gets_its_files_and_the_user_is_told(call: Call, images: Path, tmp_path: Path, capsys) -> None:
    (images / "0.150000.jpg").write_bytes(b"broken")
    assert call("export", "hloc", images, tmp_path / "out", "--features", "orb", "--overlap", 1) == 0
    said = capsys.readouterr()
    assert said.out.startswith("4 images, 1 skipped; ")
    assert "0.150000.jpg: can't be decoded" in said.err
    with h5py.File(tmp_path / "out" / "features.h5") as file:
        assert len(file) == 4
    assert call("export", "hloc", images, tmp_path / "out", "--features", "orb", "--overlap", 1) == 0
    assert "stands already" in capsys.readouterr().out


def test_pairs_come_from_a_file_where_one_is_given(call: Call, images: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("0.000000.jpg 0.300000.jpg\n")
    assert call("export", "hloc", images, tmp_path / "out", "--pairs", tmp_path / "pairs.txt") == 0
    assert (tmp_path / "out" / "pairs.txt").read_text() == "0.000000.jpg 0.300000.jpg\n"


@pytest.mark.parametrize("what", ["hloc", "colmap"])
def test_an_export_without_any_pair_warns(call: Call, images: Path, tmp_path: Path, capsys, what: str) -> None:
    if what == "colmap":
        pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    (tmp_path / "pairs.txt").write_text("\n")
    assert call("export", what, images, tmp_path / "none", "--features", "orb", "--pairs", tmp_path / "pairs.txt") == 0
    assert "images: there is nothing to match" in one_sentence(capsys)
    for picture in sorted(images.glob("*.jpg"))[1:]:
        picture.unlink()
    assert call("export", what, images, tmp_path / "one", "--features", "orb") == 0
    assert "images: there is nothing to match" in one_sentence(capsys)


def test_another_export_in_the_folder_is_one_sentence(call: Call, images: Path, tmp_path: Path, capsys) -> None:
    assert call("export", "hloc", images, tmp_path / "out") == 0
    capsys.readouterr()
    assert call("export", "hloc", images, tmp_path / "out", "--set", "extractor.max_keypoints=500") == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "extractor.max_keypoints was 1000 and not 500" in said


def test_colmap_takes_the_calibration_beside_the_images(call: Call, images: Path, tmp_path: Path, capsys) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    assert call("export", "colmap", images, tmp_path / "out", "--pairing", "exhaustive") == 0
    assert "in 6 pairs" in capsys.readouterr().out
    with pycolmap.Database.open(tmp_path / "out" / "database.db") as database:
        (camera,) = database.read_all_cameras()
    assert camera.params.tolist() == [262.4, 262.4, 160.0, 120.0]


def test_colmap_is_told_that_one_camera_took_all(call: Call, images: Path, tmp_path: Path, capsys) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    (images / "camera.yaml").unlink()
    assert call("export", "colmap", images, tmp_path / "each", "--features", "orb") == 0
    assert "say --single-camera" in capsys.readouterr().err
    assert call("export", "colmap", images, tmp_path / "one", "--features", "orb", "--single-camera") == 0
    assert not capsys.readouterr().err
    for folder, count in (("each", 4), ("one", 1)):
        with pycolmap.Database.open(tmp_path / folder / "database.db") as database:
            assert database.num_cameras() == count


def test_a_run_that_kept_its_tracks_gives_them_and_a_model(call: Call, tmp_path: Path, capsys) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    sequence = open_sequence(SAMPLE, limit=12)
    frontend = Frontend.from_config(RunConfig(), sequence.camera, sequence.sensor)
    log = TrackLog(frontend)
    write_tracks(log.finish(run_sequence(frontend, sequence, log.update).final), tmp_path / "tracks.npz")
    assert call("export", "tracks", tmp_path) == 0
    assert len((tmp_path / "tracks.csv").read_text().splitlines()) > 12 * 50
    assert call("export", "colmap-model", tmp_path, tmp_path / "model") == 0
    assert (tmp_path / "model" / "sparse" / "0" / "points3D.bin").stat().st_size > 0
    assert "images, " in capsys.readouterr().out
    assert call("export", "tracks", tmp_path, tmp_path / "tracks.xls") == 2


def test_a_models_images_are_those_that_the_run_had(call: Call, tmp_path: Path, capsys) -> None:
    pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install slam-frontend[colmap]")
    recording, camera, run = SAMPLE / "rgb", SAMPLE / "camera.yaml", tmp_path / "run"
    sensor = ("--sensor", "mono", "--features", "orb", "--limit", 40)
    assert call("run", recording, "--camera", camera, *sensor, "--tracks", "--out", run) == 0
    model = ("export", "colmap-model", run, tmp_path / "model", "--recording", recording)
    other = tmp_path / "other.yaml"
    other.write_text(camera.read_text().replace("fx: ", "fx: 1"))
    assert call(*model, "--camera", other) == 2
    assert "its camera isn't the run's; give --camera" in capsys.readouterr().err
    seen = read_tracks(run)
    write_tracks(replace(seen, camera=replace(seen.camera, distortion=(0.01, 0.0, 0.0, 0.0))), run / "tracks.npz")
    other.write_text(f"{camera.read_text()}distortion: [0.02, 0, 0, 0]\n")
    assert call(*model, "--camera", other) == 2
    stated = tmp_path / "stated"
    shutil.copytree(run, stated)
    write_tracks(replace(seen, camera=replace(seen.camera, distortion=(0.01, 0.02, 0.0, 0.0))), stated / "tracks.npz")
    assert call("export", "colmap-model", stated, *model[3:], "--camera", camera) == 2
    assert call(*model, "--camera", camera) == 0  # which states no distortion: the run found it
    assert len(list((tmp_path / "model" / "images").iterdir())) > 1


def test_a_network_is_written_and_compared(call: Call, tmp_path: Path, capsys) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed: pip install slam-frontend[onnx]")
    save_checkpoint(tmp_path / "net.pt", SuperPoint(FAST), Card(name="net", network=FAST))
    assert call("export", "onnx", tmp_path / "net.onnx", "--weights", tmp_path / "net.pt") == 0
    assert "differs by " in capsys.readouterr().out
    assert (tmp_path / "net.onnx").stat().st_size > 100_000
    assert call("export", "openvino", tmp_path / "net.onnx", "--weights", tmp_path / "net.pt") == 2


def test_rtabmap_is_told_its_parameters(call: Call, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "two words"
    assert call("export", "rtabmap", folder, "--features", "superpoint-fast:float") == 0
    command = shlex.split(capsys.readouterr().out)
    assert command[command.index("--PyDetector/Path") + 1] == str(folder / "slam_frontend_detector.py")
    script = (folder / "slam_frontend_detector.py").read_text()
    assert "'name': 'superpoint-fast'" in script and "'precision': 'float'" in script
