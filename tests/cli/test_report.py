"""``slam-frontend report``: a page that needs nothing but itself, and says what it can't show."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import run_main

from slam_frontend.evaluation.comparison import compare_runs
from slam_frontend.evaluation.trajectory import align_to_truth
from slam_frontend.run_folder import read_run
from slam_frontend.trajectory import read_tum

pytest.importorskip("plotly", reason="plotly is not installed: pip install slam-frontend[viewer]")

SAMPLE = Path(__file__).parents[2] / "sequences" / "sample"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "firefox", "firefox-esr")

Call = Callable[..., int]


class Page(HTMLParser):
    """The parts of a page that tests ask for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []  # what the browser would fetch or lead to
        self.pictures: list[str] = []
        self.figures: dict[str, dict] = {}
        self.places: list[str] = []
        self.text = ""
        self._reading = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._reading = values.get("id", "style") if tag == "script" else tag
        self.links += [values[name] for name in ("src", "href", "data", "action") if name in values]
        self.pictures += [values["src"]] if tag == "img" else []
        self.places += [values["data-figure"]] if "data-figure" in values else []

    def handle_endtag(self, tag: str) -> None:
        self._reading = "" if tag in ("script", "style") else self._reading

    def handle_data(self, data: str) -> None:
        if self._reading.startswith("figure-"):
            self.figures[self._reading] = json.loads(data)
        elif self._reading != "style":
            self.text += data + "\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs over the sample."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("orb", "fast"):
        assert run_main("run", SAMPLE, "--limit", 16, "--features", name, "--out", folder / name) == 0
    return folder


@pytest.fixture
def orb(runs: Path, tmp_path: Path) -> Path:
    """One of them, to be broken."""
    shutil.copytree(runs / "orb", tmp_path / "orb")
    return tmp_path / "orb"


def test_a_page_carries_all_that_it_shows(orb: Path) -> None:
    assert run_main("report", orb) == 0
    page = Page(orb / "report.html")
    assert page.pictures and all(picture.startswith("data:image/jpeg;base64,") for picture in page.pictures)
    assert page.links == page.pictures  # nothing is fetched from anywhere
    assert "Plotly.newPlot" in (orb / "report.html").read_text()
    assert page.places == list(page.figures) == [f"figure-{number}" for number in range(1, 6)]


def test_the_figures_are_those_of_the_run(orb: Path) -> None:
    assert run_main("report", orb) == 0
    path, error, along, landmarks, times = Page(orb / "report.html").figures.values()
    pair = align_to_truth(read_tum(orb / "trajectory.txt"), read_tum(orb / "truth.txt"))
    np.testing.assert_allclose(error["data"][1]["y"], 1000 * pair.errors, atol=1e-5)
    assert error["layout"]["yaxis"]["title"]["text"] == "distance from the truth [mm]"
    np.testing.assert_allclose(along["data"][4]["y"], 1000 * (pair.estimate - pair.truth)[:, 0, 3], atol=1e-5)
    across = {trace["name"]: trace["x"] for trace in path["data"] if trace["xaxis"] == "x"}
    np.testing.assert_allclose(across["truth"][:16], pair.truth[:, 0, 3], atol=1e-5)
    np.testing.assert_allclose(across["after mapping"], pair.estimate[:, 0, 3], atol=1e-5)
    assert [path["layout"][f"yaxis{n}"]["scaleanchor"] for n in ("", "2")] == ["x", "x2"]  # equal scales
    table = np.genfromtxt(orb / "frames.csv", delimiter=",", names=True, dtype=None, encoding=None)
    assert [trace["y"] for trace in landmarks["data"][:3]] == [
        table[name].tolist() for name in ("keypoints", "expected", "inliers")
    ]
    np.testing.assert_allclose(times["data"][0]["y"], table["ms_extract"])


def test_frames_that_were_located_late_are_on_the_path_and_not_among_the_errors(tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    assert run_main("run", SAMPLE, "--limit", 16, "--features", "orb", "--sensor", "mono", "--out", mono) == 0
    metrics = json.loads((mono / "metrics.json").read_text())
    assert metrics["located"] < metrics["located"] + metrics["located_afterwards"] == 16
    [comparison] = compare_runs([read_run(mono)])
    [compared] = comparison.runs
    for path, name in ((compared.online, "online"), (compared.final, "final")):
        assert path.pair is not None and len(path.pair.errors) == metrics["located"]
        assert np.sqrt(np.mean(path.pair.errors**2)) == pytest.approx(metrics[name]["ate"]["rmse"], rel=1e-3)
    assert compared.final.moved.located.all()
    assert run_main("report", mono) == 0


def test_the_table_holds_the_metrics(orb: Path) -> None:
    assert run_main("report", orb) == 0
    metrics, text = json.loads((orb / "metrics.json").read_text()), Page(orb / "report.html").text
    for value in (
        f"{metrics['final']['ate']['rmse']:.4f}",
        f"{metrics['online']['ate']['rmse']:.4f}",
        f"{metrics['milliseconds']['all']['median']:.1f} / {metrics['milliseconds']['all']['p95']:.1f}",
        "16 (100.0 %)",
        "extractor.max_keypoints",
    ):
        assert value in text


def test_what_a_run_did_not_see_to_its_end_is_said(orb: Path) -> None:
    metrics = json.loads((orb / "metrics.json").read_text())
    happened = {"located_by_segment": [9, 5], "skipped": 2, "dropped": 31, "interrupted": True}
    (orb / "metrics.json").write_text(json.dumps({**metrics, **happened}))
    assert run_main("report", orb) == 0
    text = Page(orb / "report.html").text
    for words in ("9 + 5", "those of the longest one", "skipped", "dropped to keep pace", "31", "interrupted"):
        assert words in text
    (orb / "metrics.json").write_text(json.dumps(metrics))
    assert run_main("report", orb) == 0
    text = Page(orb / "report.html").text
    assert not any(words in text for words in ("located by map", "the longest one", "skipped", "ended early"))


def test_the_worst_drawn_frame_comes_first(orb: Path) -> None:
    assert run_main("report", orb) == 0
    captions = re.findall(r"frame (\d+) · .* (\d+) of \d+ landmarks found", Page(orb / "report.html").text)
    fewest = min(int(inliers) for _, inliers in captions)
    assert fewest in [int(inliers) for _, inliers in captions[:2]]  # beside the one with the largest error
    assert "fewest landmarks" in Page(orb / "report.html").text


def test_runs_of_one_recording_share_their_figures(runs: Path) -> None:
    assert run_main("report", runs / "orb", runs / "fast", runs / "orb") == 0
    page = Page(runs / "report.html")
    names = [trace["name"] for trace in page.figures["figure-1"]["data"] if trace["xaxis"] == "x"]
    assert names == ["orb online", "orb", "fast online", "fast", "truth", "start"]
    assert len(page.figures) == 5
    assert "What differs between the runs" in page.text


def test_many_runs_do_not_squeeze_their_panels(runs: Path, tmp_path: Path) -> None:
    many = [shutil.copytree(runs / "orb", tmp_path / f"freiburg1_xyz-superpoint-fast-{n}") for n in range(6)]
    heights = []
    for folders in (many[:1], many):
        assert run_main("report", *folders, "--out", tmp_path / "page.html") == 0
        errors = Page(tmp_path / "page.html").figures["figure-2"]["layout"]
        heights.append(errors["height"] - errors["margin"]["t"] - errors["margin"]["b"])
    assert heights[0] == heights[1] and errors["margin"]["t"] > 6 * 25  # of two entries each row has room


def test_a_path_does_not_touch_its_frame(orb: Path) -> None:
    assert run_main("report", orb) == 0
    path, *_ = Page(orb / "report.html").figures.values()
    for letter, key in (("x", "xaxis"), ("x2", "xaxis2")):
        drawn = [x for trace in path["data"] if trace["xaxis"] == letter for x in trace["x"] if x is not None]
        low, high = path["layout"][key]["range"]
        assert low < min(drawn) and max(drawn) < high


def test_runs_of_two_recordings_have_their_own(runs: Path, orb: Path) -> None:
    truth = np.loadtxt(orb / "truth.txt")
    truth[:, 1] += 3
    np.savetxt(orb / "truth.txt", truth)
    assert run_main("report", runs / "fast", orb, "--out", orb / "both.html") == 0
    assert len(Page(orb / "both.html").figures) == 10


def test_truths_that_meet_at_the_origin_alone_are_two_recordings(runs: Path, orb: Path) -> None:
    """As those of KITTI, which all begin there at a time of 0."""
    truth = np.loadtxt(orb / "truth.txt")
    truth[1:, 0] += 0.5 * np.diff(truth[:, 0]).mean()
    np.savetxt(orb / "truth.txt", truth)
    assert not read_run(runs / "fast").is_of_same_recording(read_run(orb))


def test_runs_that_do_not_lie_together_have_their_page_here(
    runs: Path, orb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(orb, tmp_path / "elsewhere" / "orb")
    monkeypatch.chdir(tmp_path)
    assert run_main("report", runs / "fast", tmp_path / "elsewhere" / "orb") == 0
    assert (tmp_path / "report.html").exists()


def test_an_old_folder_gets_a_page_with_what_there_is(orb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("truth.txt", "frames.csv", "config.yaml"):
        (orb / name).unlink()
    shutil.rmtree(orb / "frames")
    capsys.readouterr()
    assert run_main("report", orb) == 0
    page, said = Page(orb / "report.html"), capsys.readouterr()
    for sentence in ("orb: no truth.txt", "orb: no frames.csv", "orb: no pictures"):
        assert sentence in page.text
        assert sentence in said.out
    (path,) = page.figures.values()
    assert {trace["name"] for trace in path["data"]} == {"online", "after mapping", "start"}
    assert "the coordinates of the first camera" in page.text


def test_without_a_truth_runs_are_moved_onto_the_first(runs: Path, orb: Path) -> None:
    poses = np.loadtxt(orb / "trajectory.txt")
    fast = orb.parent / "fast"
    shutil.copytree(runs / "fast", fast)
    for name in ("trajectory.txt", "trajectory_online.txt"):
        moved = poses.copy()
        moved[:, 1:4] += (10, 20, 30)
        np.savetxt(fast / name, moved, fmt="%.9f")
    for folder in (orb, fast):
        (folder / "truth.txt").unlink()
    assert run_main("report", orb, fast, "--out", orb / "page.html") == 0
    (path, *_) = Page(orb / "page.html").figures.values()
    lines = {trace["name"]: trace for trace in path["data"] if trace["xaxis"] == "x"}
    np.testing.assert_allclose(lines["fast"]["x"], lines["orb"]["x"], atol=1e-5)
    assert "moved onto the first one" in Page(orb / "page.html").text


def test_a_run_that_located_nothing_has_a_page(orb: Path) -> None:
    for name in ("trajectory.txt", "trajectory_online.txt"):
        (orb / name).write_text("")
    table = (orb / "frames.csv").read_text().replace("tracking", "lost")
    (orb / "frames.csv").write_text(table)
    assert run_main("report", orb) == 0
    landmarks = Page(orb / "report.html").figures["figure-2"]
    shaded = [shape for shape in landmarks["layout"]["shapes"] if "fillcolor" in shape]
    assert [(shape["x0"], round(shape["x1"], 3)) for shape in shaded] == [(0.0, 0.5)]


def test_a_run_that_can_not_be_moved_onto_the_truth_is_not_drawn_beside_it(runs: Path, tmp_path: Path) -> None:
    assert run_main("run", SAMPLE, "--limit", 1, "--features", "orb", "--out", tmp_path / "one") == 0
    assert run_main("report", tmp_path / "one") == 0
    page = Page(tmp_path / "one" / "report.html")
    assert {trace["name"] for trace in page.figures["figure-1"]["data"]} == {"truth", "start"}
    assert "No errors: only 1 poses" in page.text and "Only the truth" in page.text
    assert run_main("report", runs / "orb", tmp_path / "one", "--out", tmp_path / "both.html") == 0
    both = Page(tmp_path / "both.html")
    names = [trace["name"] for trace in both.figures["figure-1"]["data"] if trace["xaxis"] == "x"]
    assert names == ["orb online", "orb", "truth", "start"]
    assert "Without one: too few poses have a truth." in both.text


def test_a_name_can_not_break_the_page(orb: Path) -> None:
    evil = orb.rename(orb.parent / "<script>&'x")
    assert run_main("report", evil) == 0
    page = Page(evil / "report.html")
    assert "<script>&'x" in page.text
    assert len(page.figures) == 5


def test_the_names_of_runs_are_no_markup_in_the_figures(runs: Path, tmp_path: Path) -> None:
    bold = tmp_path / "<b>&amp;"
    shutil.copytree(runs / "fast", bold)
    assert run_main("report", runs / "orb", bold, "--out", tmp_path / "page.html") == 0
    page = Page(tmp_path / "page.html")
    names = [trace["name"] for trace in page.figures["figure-1"]["data"] if trace["xaxis"] == "x"]
    assert names[2:4] == ["&lt;b&gt;&amp;amp; online", "&lt;b&gt;&amp;amp;"]
    headings = [heading["text"] for heading in page.figures["figure-4"]["layout"]["annotations"]]
    assert headings == ["<b>orb</b>", "<b>&lt;b&gt;&amp;amp;</b>"]


def test_json_names_the_page_and_the_metrics(orb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("report", orb, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert Path(printed["page"]).exists()
    (about,) = printed["runs"]
    assert about["final"] == json.loads((orb / "metrics.json").read_text())["final"]
    assert about["missing"] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metrics.json", None, "expected the results of `slam-frontend run`"),
        ("metrics.json", "{", "metrics.json: is damaged"),
        ("metrics.json", "[]", "expected names with values"),
        ("trajectory.txt", None, "can't be read"),
        ("trajectory.txt", "0 0 0", "expected timestamp tx ty tz qx qy qz qw"),
        ("frames.csv", "a,b\n1,2\n", "is no table of a run's frames"),
        ("config.yaml", "a: [", "config.yaml: is damaged"),
    ],
)
def test_a_damaged_run_is_one_sentence(
    orb: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None, words: str
) -> None:
    if content is None:
        (orb / name).unlink()
    else:
        (orb / name).write_text(content)
    assert run_main("report", orb) == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert words in said
    assert not (orb / "report.html").exists()


def test_a_picture_that_does_not_decode_is_said(orb: Path) -> None:
    broken = sorted((orb / "frames").iterdir())[0]
    broken.write_bytes(b"")
    assert run_main("report", orb) == 0
    assert f"{broken.name} can't be decoded" in Page(orb / "report.html").text


def test_a_folder_that_does_not_exist_or_takes_nothing_is_one_sentence(orb: Path, capsys) -> None:
    assert run_main("report", orb.parent / "nowhere") == 2
    assert "nowhere: is no folder" in capsys.readouterr().err
    assert run_main("report", orb, "--out", "/dev/null/page.html") == 2
    assert "can't be written" in capsys.readouterr().err


def test_the_page_draws_all_its_figures_in_a_browser(runs: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to open the page in; looked for {', '.join(BROWSERS)}")
    page = tmp_path / "report.html"
    assert run_main("report", runs / "orb", runs / "fast", "--out", page) == 0
    if "firefox" in browser:
        draw_with_firefox(browser, page, tmp_path)
    else:
        draw_with_chromium(browser, page, tmp_path)


def draw_with_chromium(browser: str, page: Path, folder: Path) -> None:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    command = [browser, *options, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert 'data-figures-drawn="5"' in done.stdout
    assert done.stdout.count("main-svg") >= 10


def draw_with_firefox(browser: str, page: Path, folder: Path) -> None:
    picture = folder / "page.png"
    options = ["--headless", "--no-remote", "--profile", str(folder / "profile"), "--window-size", "1280,2000"]
    (folder / "profile").mkdir()
    subprocess.run([browser, *options, "--screenshot", str(picture), page.as_uri()], timeout=180, check=True)
    colours = cv2.imread(str(picture))[:, :, ::-1].reshape(-1, 3)
    assert (np.abs(colours.astype(int) - (0, 114, 178)).max(axis=1) < 8).sum() > 500  # the lines of a run
