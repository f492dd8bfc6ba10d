"""Results as tables for the terminal."""

from rich.console import Console
from rich.table import Table

from slam_frontend.evaluation.trajectory import ALIGNMENTS, ErrorStatistics, TrajectoryMetrics
from slam_frontend.summary import RunSummary


def print_run(summary: RunSummary, title: str) -> None:
    """What happened, how fast, and how exact."""
    console = Console()
    console.print(_counts(summary, title))
    console.print(_times(summary))
    if summary.online and summary.final:
        console.print(_errors({"online": summary.online, "after mapping": summary.final}))
    else:
        console.print(f"no errors computed: {summary.without_metrics}")
    if len(summary.located_by_segment) > 1:
        sizes = ", ".join(map(str, summary.located_by_segment))
        console.print(f"the map was started anew: segments of {sizes} frames; errors are the longest one's")


def print_metrics(metrics: TrajectoryMetrics) -> None:
    """The errors of one trajectory."""
    Console().print(_errors({"estimate": metrics}))


def _counts(summary: RunSummary, title: str) -> Table:
    table = _table(title, "")
    table.show_header = False
    table.add_row("frames", str(summary.frames))
    table.add_row("located", str(summary.located))
    if summary.located_afterwards:
        table.add_row("located once there was a map", str(summary.located_afterwards))
    table.add_row("lost", str(summary.lost))
    table.add_row("first pose at frame", "never" if summary.initialised_at is None else str(summary.initialised_at))
    table.add_row("keyframes, landmarks", f"{summary.keyframes}, {summary.landmarks}")
    if summary.distortion:
        table.add_row("distortion found, k1", f"{summary.distortion[0]:.4f}")
    if summary.skipped:
        table.add_row("skipped", str(summary.skipped))
    if summary.dropped:
        table.add_row("dropped to keep pace", str(summary.dropped))
    if summary.failure:
        table.add_row("ended early", summary.failure)
    return table


def _times(summary: RunSummary) -> Table:
    table = _table("milliseconds a frame", "median", "95th percentile")
    for name, time in summary.milliseconds.items():
        table.add_row(name, f"{time.median:.1f}", f"{time.p95:.1f}")
    return table


def _errors(columns: dict[str, TrajectoryMetrics]) -> Table:
    metrics = list(columns.values())
    first = metrics[0]
    title = f"errors after {ALIGNMENTS[first.alignment]} alignment over {first.path_length:.1f} m"
    table = _table(title, *columns)
    table.add_row("poses with a truth", *(str(column.associated) for column in metrics))
    if first.alignment == "sim3":
        table.add_row("scale", *(f"{column.scale:.4f}" for column in metrics))
    table.add_row("ATE rmse, m", *(f"{column.ate.rmse:.4f} ({column.ate_percent:.2f} %)" for column in metrics))
    table.add_row("ATE median / max, m", *(f"{column.ate.median:.4f} / {column.ate.max:.4f}" for column in metrics))
    table.add_row("RPE a frame, m", *(_rmse(column.rpe_translation) for column in metrics))
    table.add_row("RPE a frame, deg", *(_rmse(column.rpe_rotation_deg) for column in metrics))
    table.add_row("RPE a second, m", *(_rmse(column.rpe_translation_per_second) for column in metrics))
    table.add_row("RPE a second, deg", *(_rmse(column.rpe_rotation_deg_per_second) for column in metrics))
    _add_drift(table, metrics)
    return table


def _add_drift(table: Table, metrics: list[TrajectoryMetrics]) -> None:
    drifts = [column.drift for column in metrics]
    if drifts[0] is None:
        return
    lengths = drifts[0].lengths
    over = f"over {lengths[0]}-{lengths[-1]} m{'' if drifts[0].is_standard else ' only'}"
    table.add_row(f"t_rel, % {over}", *(f"{drift.t_rel_percent:.3f}" if drift else "-" for drift in drifts))
    rotations = [f"{drift.r_rel_deg_per_100m:.3f}" if drift else "-" for drift in drifts]
    table.add_row(f"r_rel, deg/100 m {over}", *rotations)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", min_width=56)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _rmse(errors: ErrorStatistics | None) -> str:
    return "-" if errors is None else f"{errors.rmse:.4f}"
