"""The command compare: runs side by side."""

from __future__ import annotations

import ast
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bt.cli.asking import OutputOptions, taking
from bt.cli.ranking import HIGHER_IS_BETTER, LONGEST_NAME, LOWER_IS_BETTER
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from bt.warehouse import Warehouse

    Line = tuple[str, list[str]]  # a name, and a text for each run

_NONE: Final = "–"  # noqa: RUF001 - what is undefined
_BEST: Final = " *"
_SHOWN: Final = 20  # characters of a list of symbols that is written out
_KINDS: Final = ("int", "float", "str", "bool")  # of a parameter
_PAIR: Final = 2
_BETWEEN: Final = 2  # spaces between columns
_WIDE: Final = 10_000  # characters of a screen without a bound
_UNLIKE: Final = {
    "symbols": "they traded different symbols",
    "timeframe": "they are on different timeframes",
    "first_ts": "they cover different spans",
    "end_ts": "they cover different spans",
}

RunArguments = Annotated[list[str], typer.Argument(help="Two or more runs, each as for bt show.", metavar="RUN RUN…")]


@taking(OutputOptions)
def compare(
    asked: OutputOptions,
    run: RunArguments,
) -> int:
    """Set runs side by side, the best of each row marked; csv and the like have one row a run."""
    import polars as pl

    from bt.output import emit, write
    from bt.results import find

    call = asked.session()
    warehouse = call.warehouse()
    with warehouse.read():  # one opening for all that is asked
        wanted = [find(warehouse, each).run_id for each in run]
        if len(wanted) < _PAIR or len(set(wanted)) < len(wanted):
            raise BtError(
                "compare needs two or more runs, each of them once", "bt compare latest~1 latest; bt runs lists them"
            )
        rows = [_finished(warehouse, run_id) for run_id in wanted]
        figures = figure_lines(warehouse, rows) if asked.form == "table" else []
    if asked.form == "table":
        write(drawn(_heads(rows), [*_settings(rows), *figures]), asked.out)
    else:
        emit(pl.DataFrame(rows, infer_schema_length=None).drop("config", "strategy_source"), asked.form, asked.out)
    for sentence in _unlike(rows):
        call.narrator.say(f"! {sentence}")
    return ExitCode.OK


def _finished(warehouse: Warehouse, run_id: str) -> dict[str, Any]:
    """Give a run's row of the leaderboard, and its configuration."""
    found = warehouse.query(
        "select leaderboard.*, runs.config, runs.strategy_source "
        "from leaderboard inner join runs using (run_id) where run_id = ?",
        [run_id],
    )
    if found.is_empty():
        raise BtError(
            f"{run_id} has no metrics: it is not finished, or none of its sets qualified", "bt runs lists the runs"
        )
    return found.row(0, named=True)


def _unlike(rows: list[dict[str, Any]]) -> list[str]:
    """Say what makes the runs hard to compare."""
    found = [said for name, said in _UNLIKE.items() if len({row[name] for row in rows}) > 1]
    if len({row["kind"] == "sweep" for row in rows}) > 1:
        found.append("a sweep shows its chosen set in-sample, which was picked for these very figures")
    return list(dict.fromkeys(found))


def _heads(rows: list[dict[str, Any]]) -> list[str]:
    """Name the columns: by the runs' names where these tell them apart."""
    names = [row["name"] if 0 < len(row["name"] or "") <= LONGEST_NAME else row["run_id"] for row in rows]
    heads = names if len({*names, "", "difference"}) == len(names) + _PAIR else [row["run_id"] for row in rows]
    return [*heads, "difference"] if len(rows) == _PAIR else heads


def _settings(rows: list[dict[str, Any]]) -> list[Line]:
    """Give the lines that say how the runs were made: what they are, and what differs in the rest."""
    lines = [
        (name.removesuffix("_ts"), [_said(name, row[name]) for row in rows]) for name in ("kind", "strategy", *_UNLIKE)
    ]
    params, config = ([_flat(each) for each in told] for told in (_params(rows), _told(rows, "config")))
    names = {name for each in config for name in each}
    lines += _differing(
        [{f"{name}=" if name in names else name: text for name, text in each.items()} for each in params]
    )
    lines += _differing(config)
    return [(name, [text + " " * len(_BEST) for text in texts]) for name, texts in lines]


def _told(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return [json.loads(row[column]) for row in rows]


def _params(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the parameters of each run; those that a sweep left alone are what its strategy's text says."""
    return [
        {**(_defaults(row["strategy_source"]) if row["kind"] == "sweep" else {}), **params}
        for row, params in zip(rows, _told(rows, "params"), strict=True)
    ]


def _defaults(source: str) -> dict[str, Any]:
    """Read the parameters and their defaults off a strategy's text, which is not run; those that are plain values."""
    found: dict[str, Any] = {}
    with suppress(SyntaxError, ValueError):
        for each in ast.walk(ast.parse(source)):
            match each:
                case ast.AnnAssign(target=ast.Name(name), annotation=ast.Name(kind), value=ast.expr() as value):
                    with suppress(ValueError):
                        found |= {name: ast.literal_eval(value)} if kind in _KINDS else {}
    return found


def _differing(told: list[dict[str, str]]) -> list[Line]:
    """Give a line for each name whose texts are not all the same."""
    names = dict.fromkeys(name for each in told for name in each)
    lines = [(name, [each.get(name, _NONE) for each in told]) for name in names]
    return [(name, texts) for name, texts in lines if len(set(texts)) > 1]


def _said(name: str, value: Any) -> str:
    if name == "symbols" and len(value) > _SHOWN:
        return f"{len(value.split(','))} symbols"
    if name.endswith("_ts"):
        return f"{value:%Y-%m-%d}" if value.hour == value.minute == 0 else f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def _flat(settings: dict[str, Any]) -> dict[str, str]:
    """Give settings inside settings by their own names, as text, without rules and the span as asked for."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if name in {"instruments", "span"}:
            continue
        if isinstance(value, dict):
            found |= _flat(value)
        else:
            found[name] = _NONE if value is None else str(value)
    return found


def figure_lines(warehouse: Warehouse, rows: list[dict[str, Any]]) -> list[Line]:
    """Give a line for each metric, in their order: the best marked, and of two runs the second less the first."""
    units = warehouse.query(
        "select column_name, comment from duckdb_columns() "
        "where table_name = 'metrics' and column_name <> 'run_id' order by column_index"
    )
    lines = []
    for name, unit in units.rows():
        values = [row[name] for row in rows]
        known = [value for value in values if value is not None]
        texts = [f"{_text(value, unit)}{_mark(name, value, known)}" for value in values]
        if len(values) == _PAIR:
            difference = values[1] - values[0] if len(known) == _PAIR else None
            texts.append(_text(difference, unit, signed=True))
        lines.append((name, texts))
    return lines


def _mark(name: str, value: Any, known: list[Any]) -> str:
    """Mark the best of different values."""
    if value is None or len(set(known)) == 1 or name not in LOWER_IS_BETTER | HIGHER_IS_BETTER:
        return " " * len(_BEST)
    return _BEST if value == (min(known) if name in LOWER_IS_BETTER else max(known)) else " " * len(_BEST)


def _text(value: Any, unit: str, *, signed: bool = False) -> str:
    """Write a metric in its unit, with which its comment begins."""
    from bt.output.panel import money, percent, ratio

    if value is None:
        return _NONE
    if unit.startswith("quote"):
        return money(value, signed=signed)
    if unit.startswith("fraction"):
        return percent(value, signed=signed, digits=3 if "of the price" in unit else 2)
    sign = "+" if signed and value > 0 else ""
    return sign + (f"{value:,}" if isinstance(value, int) else ratio(value))


def drawn(heads: list[str], lines: list[Line], *, first: str = "run") -> str:
    """Draw as many runs beside each other as the screen has room for, and the others below; `first` heads the names."""
    import polars as pl

    from bt.output import printable, table
    from bt.output.tables import screen_width

    names = [name for name, _ in lines]
    groups: list[list[list[str]]] = [[]]
    room = screen_width() - max(map(len, names))
    for place, head in enumerate(heads):
        cells = [head + " " * len(_BEST), *(texts[place] if place < len(texts) else "" for _, texts in lines)]
        width = max(len(printable(cell)) for cell in cells)
        if groups[-1] and sum(_BETWEEN + len(column[0]) for column in groups[-1]) + _BETWEEN + width > room:
            groups.append([])
        groups[-1].append([printable(cell).rjust(width) for cell in cells])
    tables = [table(pl.DataFrame({first: names} | {head: cells for head, *cells in group}), _WIDE) for group in groups]
    return "\n".join(tables) + "* the best of its row\n"
