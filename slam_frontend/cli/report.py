"""``slam-frontend report``: one page about one run or several."""

from pathlib import Path
from typing import Annotated

import typer

from slam_frontend.cli.options import AsJson

PAGE = "report.html"


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that `slam-frontend run` wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The page; report.html in the run's folder, or beside runs that lie together.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Write one HTML page: paths, errors, landmarks, times, the worst frames, settings."""
    from slam_frontend.cli.logs import warnings_on_stderr
    from slam_frontend.cli.progress import progress_bar
    from slam_frontend.files import to_json, write_atomically
    from slam_frontend.run_folder import read_run
    from slam_frontend.viz.report.page import report_page

    with warnings_on_stderr(), progress_bar() as watch:
        folders = [read_run(run) for run in dict.fromkeys(runs)]
        page = out or _beside(runs)
        write_atomically(page, report_page(folders, watch))
    if json:
        about = [{"name": run.name, "folder": str(run.path), "missing": run.missing, **run.metrics} for run in folders]
        print(to_json({"page": str(page), "runs": about}))
        return
    print(f"page: {page}")
    for sentence in (sentence for run in folders for sentence in run.missing):
        print(sentence)


def _beside(runs: list[Path]) -> Path:
    """In the folder of the only run, or in the one that all lie in; here where there is none."""
    folders = {run.absolute() if len(runs) == 1 else run.absolute().parent for run in runs}
    return (folders.pop() if len(folders) == 1 else Path()) / PAGE
