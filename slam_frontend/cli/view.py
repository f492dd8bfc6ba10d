"""``slam-frontend view``: what runs left behind, in three dimensions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli.evaluate import require_times
from slam_frontend.cli.logs import warnings_on_stderr

if TYPE_CHECKING:
    from slam_frontend.ply import PointCloud
    from slam_frontend.run_folder import RunFolder


def view(
    runs: Annotated[list[Path], typer.Argument(help="Folders that `slam-frontend run` wrote.")],
    truth: Annotated[Path | None, typer.Option(help="A trajectory file; if not given, the truth of the runs.")] = None,
    times: Annotated[Path | None, typer.Option(help="KITTI's times.txt, where the truth has no timestamps.")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Write a PNG instead; needs no display.")] = None,
) -> None:
    """Maps and trajectories in 3-D, several runs beside each other."""
    from slam_frontend.errors import OutputError
    from slam_frontend.files import write_atomically
    from slam_frontend.trajectory import read_trajectory
    from slam_frontend.viz.draw import encode_png
    from slam_frontend.viz.space.runs import run_scenes
    from slam_frontend.viz.windows.browser import Browser
    from slam_frontend.viz.windows.gallery import render_runs

    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise OutputError(f"{screenshot}: a screenshot is a PNG; end the name with .png")
    with warnings_on_stderr():
        if truth is not None:
            require_times(truth, times)
        true = read_trajectory(truth, times, is_truth=True) if truth else None
        scenes = run_scenes([_read(run) for run in runs], true)
        if screenshot is None:
            Browser(scenes, folder=runs[0]).run()
            return
        write_atomically(screenshot, encode_png(render_runs(scenes)))
    print(screenshot)


def _read(folder: Path) -> "tuple[RunFolder, PointCloud]":
    """A run with its map, which may be missing where the disk was full."""
    import numpy as np

    from slam_frontend.ply import PointCloud, read_ply
    from slam_frontend.run_folder import read_run

    path = folder / "map.ply"
    run = read_run(folder)
    return run, read_ply(path) if path.exists() else PointCloud(np.empty((0, 3)))
