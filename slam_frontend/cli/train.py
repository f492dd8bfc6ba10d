"""`slam-frontend train`: shapes, magicpoint, label, superpoint, all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from slam_frontend.training.config import TrainingConfig
    from slam_frontend.training.loop import Report, Watch

app = typer.Typer(help="Train SuperPoint from nothing: shapes, MagicPoint, labels, SuperPoint.", no_args_is_help=True)

Config = Annotated[Path, typer.Argument(help="YAML with what differs from the defaults", show_default=False)]
Settings = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, on top of the file")]
Minutes = Annotated[float | None, typer.Option(help="stop after this time; the same command goes on from there")]
Round = Annotated[int, typer.Option("--round", min=1, max=2, help="round of adaptation")]


@app.command()
def shapes(
    config: Annotated[Path | None, typer.Argument(help="YAML; its shapes are rendered to its folder")] = None,
    settings: Settings = None,
    show: Annotated[bool, typer.Option("--show", help="only write a contact sheet")] = False,
    output: Annotated[Path, typer.Option(help="where the contact sheet goes")] = Path("shapes.png"),
) -> None:
    """Render the synthetic shapes, or a contact sheet of all primitives with their corners."""
    if show:
        _show_shapes(_load(config, settings), output)
    else:
        _render_missing(_load(config, settings))


@app.command()
def magicpoint(config: Config, settings: Settings = None, minutes: Minutes = None) -> None:
    """Train the detector on shapes."""
    from slam_frontend.training import shipping, stages
    from slam_frontend.training.engine import is_first_process

    loaded = _load(config, settings)
    _render_missing(loaded)
    with _progress("magicpoint", loaded) as watch:
        done = stages.magicpoint(loaded, watch, minutes)
    _tell(done)
    if done and is_first_process():
        typer.echo(f"checkpoint and card written to {shipping.ship_magicpoint(loaded)}")


@app.command()
def label(
    config: Config,
    photos: Annotated[list[Path] | None, typer.Argument(help="folders or tars, instead of the config's")] = None,
    settings: Settings = None,
    number: Round = 1,
) -> None:
    """Label photographs by homographic adaptation; photographs that have labels are left out."""
    _label(_load(config, settings, photos), number)


@app.command()
def superpoint(
    config: Config,
    settings: Settings = None,
    number: Round = 1,
    labels_of: Annotated[int | None, typer.Option("--labels", help="round whose labels to use, if another")] = None,
    minutes: Minutes = None,
) -> None:
    """Train detector and descriptor on warped pairs of labelled photographs."""
    from slam_frontend.training import stages

    loaded = _load(config, settings)
    with _progress(f"superpoint, round {number}", loaded) as watch:
        done = stages.superpoint(loaded, number, watch, minutes, labels_of)
    _tell(done)
    if done:
        _ship(loaded, number)


@app.command(name="all")
def everything(config: Config, settings: Settings = None) -> None:
    """The whole recipe, from shapes to a checkpoint; what stands already is left out."""
    from slam_frontend.training import stages

    loaded = _load(config, settings)
    _render_missing(loaded)
    with _progress("magicpoint", loaded) as watch:
        stages.magicpoint(loaded, watch)
    for number in range(1, loaded.label.rounds + 1):
        _label(loaded, number)
        with _progress(f"superpoint, round {number}", loaded) as watch:
            stages.superpoint(loaded, number, watch)
    _ship(loaded, loaded.label.rounds)


def _load(config: Path | None, settings: list[str] | None, photos: list[Path] | None = None) -> "TrainingConfig":
    from slam_frontend.config import load_config
    from slam_frontend.training.config import TrainingConfig

    loaded = load_config(TrainingConfig, config, settings)
    return loaded.model_copy(update={"photos": tuple(photos)}) if photos else loaded


def _render_missing(config: "TrainingConfig") -> None:
    from slam_frontend.training import stages

    if stages.has_shapes(config):
        return
    from slam_frontend.training.rendering import render_cache

    render_cache(config)
    typer.echo(f"{config.shapes.count} shapes rendered to {config.folder}")


def _show_shapes(config: "TrainingConfig", output: Path) -> None:
    import cv2

    from slam_frontend.training.rendering import contact_sheet

    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), contact_sheet(config.seed, config.shapes.size))
    typer.echo(f"contact sheet written to {output}")


def _label(config: "TrainingConfig", number: int) -> None:
    from rich.progress import Progress

    from slam_frontend.training import stages

    with Progress() as bar:
        task = bar.add_task("label", total=None)
        stages.label(config, number, lambda now, total: bar.update(task, advance=now, total=total))


def _ship(config: "TrainingConfig", number: int) -> None:
    from slam_frontend.training import shipping
    from slam_frontend.training.engine import is_first_process

    if not is_first_process():
        return
    typer.echo(f"checkpoint, card and graph written to {shipping.ship(config, number)}")


def _tell(done: bool) -> None:
    typer.echo("done" if done else "stopped; the same command goes on from here")


def _progress(name: str, config: "TrainingConfig") -> "ProgressWatch":
    return ProgressWatch(name, config.folder / "tensorboard" if config.tensorboard else None)


class ProgressWatch:
    """A progress bar with losses, speed and validation, and TensorBoard's scalars where asked for."""

    def __init__(self, name: str, tensorboard: Path | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from slam_frontend.training.engine import is_first_process

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
        )
        quiet = not is_first_process()
        self._bar = Progress(*columns, disable=quiet)
        self._task = self._bar.add_task(name, total=1.0, text="")
        self._writer = _open_tensorboard(tensorboard / name.replace(", ", "_")) if tensorboard and not quiet else None

    def __enter__(self) -> "Watch":
        self._bar.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def _update(self, report: "Report") -> None:
        losses = "  ".join(f"{name} {value:.3f}" for name, value in report.losses.items())
        text = f"step {report.step}  {losses}  {report.images_per_second:.0f} images/s"
        self._bar.update(self._task, completed=report.progress, text=text)
        if report.metrics:
            self._bar.console.print("  ".join(f"{name} {value:.3f}" for name, value in report.metrics.items()))
        if self._writer is not None:
            for name, value in {**report.losses, **report.metrics}.items():
                self._writer.add_scalar(name, value, report.step)
            if report.draw is not None:
                self._writer.add_image("seen", report.draw(), report.step)


def _open_tensorboard(folder: Path) -> Any:
    from slam_frontend.optional import require

    return require("torch.utils.tensorboard", extra="train").SummaryWriter(folder)
