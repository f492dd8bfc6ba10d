"""The tables of a report's page: what was measured, and with which settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from slam_frontend.evaluation.comparison import Comparison
from slam_frontend.evaluation.trajectory import ALIGNMENTS
from slam_frontend.run_folder import RunFolder

NOTHING = "–"

Values = dict[str, Any]  # of metrics.json


@dataclass(frozen=True)
class Row:
    """One line: what it is called, how it reads for a run and, where less is better, the number to compare."""

    label: str
    text: Callable[[Values], str]
    number: Callable[[Values], float | None] | None = None


def metrics_tables(comparison: Comparison) -> str:
    """HTML: counts, errors and times, a column for each run; the best of several is bold."""
    runs = [compared.run for compared in comparison.runs]
    metrics = [run.metrics for run in runs]
    names = [run.name for run in runs]
    features = _line("features", [escape(_setting(_find(run.config, "extractor", "name"))) for run in runs])
    tables = [_table("", names, [features, *_lines(COUNTS, metrics)])]
    if any(values.get("final") for values in metrics):
        tables.append(_table(_errors_heading(metrics), names, _lines(ERRORS, metrics)))
    stages = list(dict.fromkeys(stage for values in metrics for stage in values.get("milliseconds") or {}))
    times = _lines([_time_row(stage) for stage in stages], metrics)
    tables.append(_table("milliseconds a frame: median / 95th percentile", names, times))
    return f'<div class="tables">{"".join(tables)}</div>'


def settings_table(runs: Sequence[RunFolder], only_differences: bool) -> str:
    """HTML: a line for each setting, a column for each run; empty where there is nothing to show."""
    flat = [dict(_flatten(run.config)) for run in runs]
    keys = list(dict.fromkeys(key for settings in flat for key in settings))
    lines = [(key, [_setting(settings.get(key)) for settings in flat]) for key in keys]
    shown = [(key, cells) for key, cells in lines if not only_differences or len(set(cells)) > 1]
    if not shown:
        return ""
    rows = [_line(key, [escape(cell) for cell in cells]) for key, cells in shown]
    return _table("", [run.name for run in runs], rows)


def _count(*path: str) -> Callable[[Values], str]:
    def text(values: Values) -> str:
        found = _find(values, *path)
        return NOTHING if found is None else f"{found:,}".replace(",", " ")

    return text


def _number(form: str, *path: str) -> Callable[[Values], str]:
    def text(values: Values) -> str:
        found = _find(values, *path)
        return NOTHING if found is None else format(found, form)

    return text


def _value(*path: str) -> Callable[[Values], float | None]:
    return lambda values: _find(values, *path)


def _find(values: Values, *path: str) -> Any:
    """What lies at the path; None where nothing does."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _located(values: Values) -> str:
    located, frames = values.get("located"), values.get("frames")
    if located is None or not frames:
        return NOTHING
    return f"{located} ({100 * located / frames:.1f} %)"


def _located_by_map(values: Values) -> str:
    """Only where a map had to be begun anew."""
    counts = values.get("located_by_segment") or []
    return " + ".join(map(str, counts)) if len(counts) > 1 else NOTHING


def _ended_early(values: Values) -> str:
    return str(values.get("failure") or ("interrupted" if values.get("interrupted") else NOTHING))


def _if_any(name: str) -> Callable[[Values], str]:
    return lambda values: str(values.get(name) or NOTHING)


def _scale(values: Values) -> str:
    """What one camera's lengths were multiplied with; the others are metres already."""
    if _find(values, "final", "alignment") != "sim3":
        return NOTHING
    return _number(".4f", "final", "scale")(values)


def _metric(label: str, form: str, *path: str) -> Row:
    return Row(label, _number(form, *path), _value(*path))


def _time_row(stage: str) -> Row:
    median, p95 = ("milliseconds", stage, "median"), ("milliseconds", stage, "p95")
    return Row(
        stage,
        lambda values: f"{_number('.1f', *median)(values)} / {_number('.1f', *p95)(values)}",
        _value(*median),
    )


COUNTS = [
    Row("sensor", lambda values: _setting(values.get("sensor"))),
    Row("frames", _count("frames")),
    Row("located", _located),
    Row("located once there was a map", _if_any("located_afterwards")),
    Row("located by map", _located_by_map),
    Row("lost", _count("lost"), _value("lost")),
    Row("first pose at frame", _count("initialised_at"), _value("initialised_at")),
    Row("keyframes", _count("keyframes")),
    Row("landmarks", _count("landmarks")),
    Row("skipped", _if_any("skipped")),
    Row("dropped to keep pace", _if_any("dropped")),
    Row("ended early", _ended_early),
]
ERRORS = [
    _metric("ATE rmse online, m", ".4f", "online", "ate", "rmse"),
    _metric("ATE rmse, m", ".4f", "final", "ate", "rmse"),
    _metric("ATE rmse, % of the path", ".2f", "final", "ate_percent"),
    _metric("ATE median, m", ".4f", "final", "ate", "median"),
    _metric("ATE max, m", ".4f", "final", "ate", "max"),
    _metric("RPE a frame, m", ".4f", "final", "rpe_translation", "rmse"),
    _metric("RPE a frame, deg", ".4f", "final", "rpe_rotation_deg", "rmse"),
    _metric("RPE a second, m", ".4f", "final", "rpe_translation_per_second", "rmse"),
    _metric("RPE a second, deg", ".4f", "final", "rpe_rotation_deg_per_second", "rmse"),
    _metric("KITTI drift, %", ".3f", "final", "drift", "t_rel_percent"),
    _metric("KITTI drift, deg/100 m", ".3f", "final", "drift", "r_rel_deg_per_100m"),
    Row("scale of the estimate", _scale),
]


def _errors_heading(metrics: list[Values]) -> str:
    kinds = [_find(values, "final", "alignment") for values in metrics]
    used = ", ".join(dict.fromkeys(ALIGNMENTS.get(kind, kind) for kind in kinds if kind))
    lengths = [length for values in metrics if (length := _find(values, "final", "path_length")) is not None]
    return f"errors after {used} alignment, over {max(lengths):.1f} m"


def _lines(rows: list[Row], metrics: list[Values]) -> list[str]:
    """Those of which any run knows something."""
    lines = []
    for row in rows:
        cells = [escape(row.text(values)) for values in metrics]
        if any(cell.strip(f"{NOTHING} /") for cell in cells):
            lines.append(_line(row.label, _with_best_in_bold(row, cells, metrics)))
    return lines


def _with_best_in_bold(row: Row, cells: list[str], metrics: list[Values]) -> list[str]:
    if row.number is None or len(cells) == 1:
        return cells
    numbers = [row.number(values) for values in metrics]
    known = [number for number in numbers if number is not None]
    if len(known) < 2 or min(known) == max(known):
        return cells
    return [f"<b>{cell}</b>" if n == min(known) else cell for cell, n in zip(cells, numbers, strict=True)]


def _table(heading: str, names: list[str], lines: list[str]) -> str:
    head = f'<th scope="col" class="heading">{escape(heading)}</th>' + "".join(f"<th>{escape(n)}</th>" for n in names)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _line(label: str, cells: list[str]) -> str:
    return f'<tr><th scope="row">{escape(label)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _flatten(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in settings.items():
        pairs += _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [(prefix + name, value)]
    return pairs


def _setting(value: Any) -> str:
    return NOTHING if value is None else str(value)
