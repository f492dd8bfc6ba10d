"""The command ``slam-frontend``: nothing heavy is imported before a command really runs."""

import errno
import os
import sys
from typing import Annotated

import typer

from slam_frontend import __version__
from slam_frontend.cli import bench, calibrate, evaluate, export, features, report, run, show, train, view
from slam_frontend.cli.interrupts import EXIT_INTERRUPTED, end_as_ctrl_c_does
from slam_frontend.errors import FrontendError
from slam_frontend.memory import keep_freed_memory

EXIT_USER_ERROR = 2
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)

# Plain help: drawing it with rich would double the time that it takes.
app = typer.Typer(name="slam-frontend", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"slam-frontend {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """A visual SLAM frontend with learned features: a recording goes in, a trajectory and a map come out."""


app.command("run")(run.run)
app.command("calibrate")(calibrate.calibrate)
app.command("report")(report.report)
app.command("view")(view.view)
app.command("bench")(bench.bench)
features.register(evaluate.app)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(show.app, name="show")
app.add_typer(train.app, name="train")
app.add_typer(export.app, name="export")


def main() -> None:
    """Run the command line; what a user can cause ends in one sentence and exit code 2."""
    # The products of tracking and mapping are small: numpy's threads would cost half as much again as they give.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    keep_freed_memory()
    end_as_ctrl_c_does()
    try:
        app()
    except FrontendError as error:
        print(f"slam-frontend: {error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        print(f"slam-frontend: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
