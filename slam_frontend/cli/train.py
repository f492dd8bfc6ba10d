"""`slam-frontend train`: shapes, magicpoint, label, superpoint, all, ship."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from slam_frontend.cli.interrupts import EXIT_INTERRUPTED, noted_interrupts
from slam_frontend.cli.options import AsJson
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.training.config import TrainingConfig
    from slam_frontend.training.loop import Report, Watch

app = typer.Typer(help="Train SuperPoint from nothing: shapes, MagicPoint, labels, SuperPoint.", no_args_is_help=True)

Config = Annotated[Path, typer.Argument(help="YAML with what differs from the defaults.", show_default=False)]
Settings = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, on top of the file; repeatable.")]
Minutes = Annotated[float | None, typer.Option(help="Stop after this time; the same command goes on from there.")]
Round = Annotated[int, typer.Option("--round", min=1, max=2, help="Round of adaptation.")]


@app.command()
def shapes(
    config: Annotated[Path | None, typer.Argument(help="YAML; its shapes are rendered to its folder.")] = None,
    settings: Settings = None,
    show: Annotated[bool, typer.Option("--show", help="Only write a contact sheet.")] = False,
    output: Annotated[Path, typer.Option(help="Where the contact sheet goes.")] = Path("shapes.png"),
    json: AsJson = False,
) -> None:
    """Render the synthetic shapes, or a contact sheet of all primitives with their corners."""
    loaded = _load(config, settings)
    if show:
        _show_shapes(loaded, output)
        _tell(f"contact sheet written to {output}", {"sheet": str(output)}, json)
        return
    rendered = _render_missing(loaded)
    text = f"{loaded.shapes.count} shapes {'rendered to' if rendered else 'stand already in'} {loaded.folder}"
    _tell(text, {"folder": str(loaded.folder), "shapes": loaded.shapes.count, "stood_already": not rendered}, json)


@app.command()
def magicpoint(config: Config, settings: Settings = None, minutes: Minutes = None, json: AsJson = False) -> None:
    """Train the detector on shapes."""
    from slam_frontend.training import shipping, stages

    loaded = _load(config, settings)
    _render_missing(loaded)
    stood = _train_stage("magicpoint", loaded, json, partial(stages.magicpoint, loaded, minutes=minutes))
    _tell_checkpoint(shipping.ship_magicpoint, loaded, json, stood)


@app.command()
def label(
    config: Config,
    photos: Annotated[
        list[Path] | None, typer.Argument(exists=True, help="Folders or tars, instead of the config's.")
    ] = None,
    settings: Settings = None,
    number: Round = 1,
    json: AsJson = False,
) -> None:
    """Label photographs by homographic adaptation; photographs that have labels are left out."""
    from slam_frontend.training import stages
    from slam_frontend.training.engine import is_first_process

    loaded = _load(config, settings, photos)
    before = stages.label_files(loaded, number)
    _label(loaded, number)
    if not is_first_process():
        return
    count = stages.count_labelled(loaded, number)
    stood = stages.label_files(loaded, number) == before
    folder = stages.labels_folder(loaded, number)
    text = f"labels of {count} photographs stand already in" if stood else f"{count} photographs have labels in"
    _tell(f"{text} {folder}", {"folder": str(folder), "photographs": count, "stood_already": stood}, json)


@app.command()
def superpoint(
    config: Config,
    settings: Settings = None,
    number: Round = 1,
    labels_of: Annotated[
        int | None, typer.Option("--labels", min=1, max=2, help="Round whose labels to use, if another.")
    ] = None,
    minutes: Minutes = None,
    json: AsJson = False,
) -> None:
    """Train detector and descriptor on warped pairs of labelled photographs."""
    from slam_frontend.training import shipping, stages

    loaded = _load(config, settings)
    stage = partial(stages.superpoint, loaded, number, minutes=minutes, labels_of=labels_of)
    stood = _train_stage(f"superpoint, round {number}", loaded, json, stage)
    _tell_checkpoint(lambda config: shipping.ship(config, number), loaded, json, stood)


@app.command(name="all")
def everything(config: Config, settings: Settings = None, json: AsJson = False) -> None:
    """The whole recipe, from shapes to a checkpoint; what stands already is left out."""
    from slam_frontend.training import shipping, stages
    from slam_frontend.training.engine import is_first_process

    loaded = _load(config, settings)
    stages.require_inputs(loaded)
    _render_missing(loaded)
    _train_stage("magicpoint", loaded, json, partial(stages.magicpoint, loaded), is_last=False)
    if is_first_process():
        shipping.ship_magicpoint(loaded)
    for number in range(1, loaded.label.rounds + 1):
        _label(loaded, number)
        is_last = number == loaded.label.rounds
        stage = partial(stages.superpoint, loaded, number)
        stood = _train_stage(f"superpoint, round {number}", loaded, json, stage, is_last)
    _tell_checkpoint(lambda config: shipping.ship(config, config.label.rounds), loaded, json, stood)


@app.command()
def ship(
    config: Config,
    settings: Settings = None,
    number: Round = 1,
    into: Annotated[Path | None, typer.Option(help="Folder, instead of the config's.")] = None,
    notes: Annotated[str, typer.Option(help="For the card: what else is to be known of these weights.")] = "",
    json: AsJson = False,
) -> None:
    """Write the last network of a round once more, with its card and ONNX graph; joint.keep_of_start is its share of
    what it started from."""
    from slam_frontend.training import shipping

    _tell_checkpoint(lambda config: shipping.ship(config, number, into, notes), _load(config, settings), json)


def _load(config: Path | None, settings: list[str] | None, photos: list[Path] | None = None) -> "TrainingConfig":
    from slam_frontend.config import load_config
    from slam_frontend.training.config import TrainingConfig

    loaded = load_config(TrainingConfig, config, settings)
    return loaded.model_copy(update={"photos": tuple(photos)}) if photos else loaded


def _render_missing(config: "TrainingConfig") -> bool:
    """Whether there was anything to render."""
    from slam_frontend.training import stages
    from slam_frontend.training.rendering import render_cache

    if stages.has_shapes(config):
        return False
    with progress_bar() as watch:
        watch("shapes", 0, 0)
        render_cache(config)
    return True


def _show_shapes(config: "TrainingConfig", output: Path) -> None:
    from slam_frontend.files import write_atomically
    from slam_frontend.training.rendering import contact_sheet
    from slam_frontend.viz.draw import encode_png

    write_atomically(output, encode_png(contact_sheet(config.seed, config.shapes.size)))


def _label(config: "TrainingConfig", number: int) -> None:
    from slam_frontend.training import stages

    done = 0
    with progress_bar() as watch:

        def count(now: int, total: int) -> None:
            nonlocal done
            done += now
            watch("label", done, total)

        watch("label", 0, 0)
        stages.label(config, number, count)


def _train_stage(
    name: str, config: "TrainingConfig", as_json: bool, stage: Callable[..., bool], is_last: bool = True
) -> bool:
    """Whether a stage of training stood already; the command ends here where the stage is not complete, or where an
    interrupt asks not to begin the next."""
    tensorboard = config.folder / "tensorboard" if config.tensorboard else None
    with (progress := ProgressWatch(name, tensorboard, as_json)) as watch, noted_interrupts() as is_stopped:
        done = stage(watch=watch, is_stopped=is_stopped)
    if not done or (is_stopped() and not is_last):
        _end(is_stopped(), as_json)
    return not progress.has_reports


def _tell_checkpoint(
    ship: "Callable[[TrainingConfig], Path]", config: "TrainingConfig", as_json: bool, stood_already: bool = False
) -> None:
    """Ship what is complete, and say where it is."""
    from slam_frontend.training.engine import is_first_process

    if not is_first_process():
        return
    path = ship(config)
    text = "checkpoint and card written"
    if stood_already:
        text = f"the training stands already; {text} once more"
    about = {"done": True, "checkpoint": str(path), "stood_already": stood_already}
    _tell(f"{text} to {path}", about, as_json)


def _end(is_interrupted: bool, as_json: bool) -> NoReturn:
    """Before a training is complete, by an interrupt or because its minutes are over."""
    from slam_frontend.training.engine import is_first_process

    if is_first_process():
        _tell("stopped; the same command goes on from here", {"done": False, "checkpoint": None}, as_json)
    raise typer.Exit(EXIT_INTERRUPTED if is_interrupted else 0)


def _tell(sentence: str, about: dict[str, Any], as_json: bool) -> None:
    from slam_frontend.files import to_json

    typer.echo(to_json(about) if as_json else sentence)


class ProgressWatch:
    """A bar with losses and speed on a terminal, a line of metrics at each validation, and TensorBoard's scalars
    where asked for."""

    def __init__(self, name: str, tensorboard: Path | None, is_silent: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from slam_frontend.training.engine import is_first_process

        self.has_reports = False  # none comes where the stage was at its end already
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
        )
        is_first, terminal = is_first_process(), Console(stderr=True)
        self._tells_metrics = is_first and not is_silent
        self._bar = Progress(*columns, console=terminal, disable=not (is_first and terminal.is_terminal))
        self._task = self._bar.add_task(name, total=1.0, text="")
        self._writer = _open_tensorboard(tensorboard / name.replace(", ", "_")) if tensorboard and is_first else None

    def __enter__(self) -> "Watch":
        self._bar.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def _update(self, report: "Report") -> None:
        self.has_reports = True
        losses = "  ".join(f"{name} {value:.3f}" for name, value in report.losses.items())
        text = f"step {report.step}  {losses}  {report.images_per_second:.0f} images/s"
        self._bar.update(self._task, completed=report.progress, text=text)
        if report.metrics and self._tells_metrics:
            typer.echo("  ".join(f"{name} {value:.3f}" for name, value in report.metrics.items()))
        if self._writer is not None:
            for name, value in {**report.losses, **report.metrics}.items():
                self._writer.add_scalar(name, value, report.step)
            if report.draw is not None:
                self._writer.add_image("seen", report.draw(), report.step)


def _open_tensorboard(folder: Path) -> Any:
    from slam_frontend.optional import require

    return require("torch.utils.tensorboard", extra="train").SummaryWriter(folder)
