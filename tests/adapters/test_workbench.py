"""An export goes on where it was, and never over somebody else's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slam_frontend.adapters import photogrammetry
from slam_frontend.adapters.hloc import export_hloc
from slam_frontend.adapters.workbench import UNFINISHED, Workbench
from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import OutputError, PluginError, SequenceError


class Killed(BaseException):
    """What a test stops an export with."""


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of all images that features were found in."""
    shapes = []
    original = photogrammetry.extract_at_most

    def count(extractor, image, max_size):
        shapes.append(image.shape)
        return original(extractor, image, max_size)

    monkeypatch.setattr(photogrammetry, "extract_at_most", count)
    return shapes


def kill_at(stage: str, done: int):
    def watch(now: str, count: int, _total: int) -> None:
        if (now, count) == (stage, done):
            raise Killed

    return watch


@pytest.mark.parametrize(("stage", "done", "left"), [("features", 2, 1), ("matches", 2, 0)])
def test_a_killed_export_goes_on_where_it_was(make_job, extracted, stage: str, done: int, left: int) -> None:
    job = make_job()
    with pytest.raises(Killed):
        export_hloc(job, watch=kill_at(stage, done))
    assert not (job.out / "features.h5").exists()
    before = len(extracted)
    report = export_hloc(job)
    assert len(extracted) - before == left
    assert report is not None and report.images == 3
    assert not (job.out / UNFINISHED).exists()


def test_a_finished_export_is_left_alone(make_job, extracted) -> None:
    job = make_job()
    export_hloc(job)
    stamp = (job.out / "features.h5").stat().st_mtime_ns
    assert export_hloc(job) is None
    assert len(extracted) == 3
    assert not (job.out / UNFINISHED).exists()
    assert (job.out / "features.h5").stat().st_mtime_ns == stamp


def test_a_file_that_was_removed_is_made_again(make_job) -> None:
    job = make_job()
    export_hloc(job)
    (job.out / "matches.h5").unlink()
    assert export_hloc(job) is not None
    assert (job.out / "matches.h5").exists()


def test_a_finished_export_is_gone_on_with_where_a_file_was_removed(tmp_path: Path) -> None:
    for _ in range(2):
        bench = Workbench(tmp_path / "out", {"host": "any"})
        assert not bench.is_finished
        bench.publish("result.bin", lambda path: path.write_text("whole"))
        bench.finish()
        assert Workbench(tmp_path / "out", {"host": "any"}).is_finished
        (tmp_path / "out" / "result.bin").unlink()


def test_another_export_is_not_overwritten(make_job, photos: Path) -> None:
    export_hloc(make_job("orb"))
    with pytest.raises(OutputError, match=r"whose extractor.name was orb and not sift"):
        export_hloc(make_job("sift"))
    (photos / "view2.jpg").unlink()
    with pytest.raises(OutputError, match="whose list of images was 3"):
        export_hloc(make_job("orb"))


def test_an_export_that_never_began_claims_nothing(make_job) -> None:
    with pytest.raises(PluginError):
        export_hloc(make_job("no such extractor"))
    assert export_hloc(make_job("orb")) is not None


def test_a_folder_of_other_things_is_refused(make_job, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty and holds no export"):
        export_hloc(make_job(out=tmp_path))
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_an_export_of_other_pixels_or_another_network_is_another_one(make_job, photos: Path, tmp_path: Path) -> None:
    job = make_job()
    export_hloc(job)
    changed = bytearray((photos / "view2.jpg").read_bytes())
    changed[-2:] = b"\0\0"  # as many bytes
    (photos / "view2.jpg").write_bytes(changed)
    with pytest.raises(OutputError, match="holds another export, whose state of the images was"):
        export_hloc(job)
    (tmp_path / "net.pt").write_bytes(b"one network")
    job = replace(job, extractor=ExtractorConfig(name="superpoint-fast", weights=tmp_path / "net.pt"))
    before = job.settings("hloc")["weights, or version"]
    (tmp_path / "net.pt").write_bytes(b"another one")
    assert job.settings("hloc")["weights, or version"] != before


def test_an_export_by_another_version_is_another_one(make_job, monkeypatch: pytest.MonkeyPatch) -> None:
    export_hloc(make_job())
    monkeypatch.setattr(photogrammetry, "__version__", "0.0.0")
    with pytest.raises(OutputError, match=r"holds another export, whose weights, or version was .* and not 0\.0\.0"):
        export_hloc(make_job())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("No space left on device")])
def test_a_failed_write_leaves_nothing_half_done(tmp_path: Path, error: Exception) -> None:
    bench = Workbench(tmp_path / "out", {})

    def write(path: Path) -> None:
        path.write_text("half")
        raise error

    with pytest.raises(OutputError, match=r"result\.bin: can't be written \(No space left on device\)"):
        bench.publish("result.bin", write)
    assert not (tmp_path / "out" / "result.bin").exists()


def test_what_a_killed_write_left_is_not_taken_for_part_of_the_next(tmp_path: Path) -> None:
    """SQLite would take up a log beside a database of the same name."""
    bench = Workbench(tmp_path / "out", {})
    (tmp_path / "out" / UNFINISHED / "database.db").write_text("half")
    (tmp_path / "out" / UNFINISHED / "database.db-wal").write_text("log")
    seen = []
    bench.publish("database.db", lambda path: seen.append(list(path.parent.iterdir())) or path.write_text("whole"))
    assert seen == [[]]
    assert (tmp_path / "out" / "database.db").read_text() == "whole"


def test_broken_images_are_skipped_and_counted(make_job, photos: Path) -> None:
    (photos / "view2.jpg").write_bytes(b"not a picture")
    report = export_hloc(make_job())
    assert report is not None
    assert (report.images, len(report.skipped), report.pairs) == (2, 1, 1)
    assert "view2.jpg: can't be decoded" in report.skipped[0]


def test_an_image_that_can_be_read_when_an_export_goes_on_is_matched_with_all_others(make_job, photos: Path) -> None:
    job, whole = make_job(), (photos / "view2.jpg").read_bytes()
    (photos / "view2.jpg").write_bytes(bytes(len(whole)))
    with pytest.raises(Killed):
        export_hloc(job, watch=kill_at("matches", 1))
    states = {number: job.state(name) for number, name in enumerate(job.names)}
    kept = Workbench(job.out, job.settings("hloc", half=True)).matches(0, states)
    assert set(kept) == {2}
    (photos / "view2.jpg").write_bytes(whole)
    report = export_hloc(job)
    assert report is not None
    assert (report.images, report.skipped, report.pairs) == (3, (), 3)


def test_an_image_that_changed_before_an_export_goes_on_is_taken_as_it_is_now(make_job, photos: Path) -> None:
    job, other = make_job(), (photos / "view10.jpg").read_bytes()
    with pytest.raises(Killed):
        export_hloc(job, watch=kill_at("matches", 2))
    (photos / "view2.jpg").write_bytes(other)
    with pytest.raises(Killed):  # once more, with its features but none of its matches anew
        export_hloc(job, watch=kill_at("features", 3))
    report = export_hloc(job)
    afresh = export_hloc(make_job(out=job.out.with_name("afresh")))
    assert report is not None and report == afresh


def test_nothing_but_broken_images_is_an_error(make_job, photos: Path) -> None:
    for path in photos.rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(SequenceError, match="not one of 3 images can be read"):
        export_hloc(make_job())


def test_what_is_kept_comes_back_the_same(make_job, tmp_path: Path) -> None:
    job = make_job("sift")
    with pytest.raises(Killed):
        export_hloc(job, watch=kill_at("matches", 3))
    bench = Workbench(job.out, job.settings("hloc", half=True))
    features, size = bench.features(0)
    assert size == (320, 240)
    assert features.norm == "l2" and len(features) == len(features.scales) > 100
    assert features.descriptors.dtype == np.float32
    states = {number: job.state(name) for number, name in enumerate(job.names)}
    assert set(bench.matches(0, states)) == {1, 2}
    assert set(bench.matches(0, states | {1: "another"})) == {2}
