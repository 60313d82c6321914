"""Which tables a run has to export, and how their rows are read: in order, in pieces, from the warehouse's views."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.errors import BtError, hint
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

PIECE: Final = 100_000  # rows read at once
ALL: Final = "all"
CANDLES: Final = "candles"
_TRADED: Final = ("run", "walk")
_SEARCHED: Final = ("sweep", "walk")
LONG: Final = ("trials", "trades", "fills", "rejections", "funding", "equity")  # may have any number of rows
_PART: Final = ("fold", "part", "trial")
_LISTS: Final = ("places",)  # of integers, which come as text


@dataclass(frozen=True)
class Table:
    """One table of a run: the relation it is read from, the order of its rows, and which kinds of run have it.

    `key` rises with the order and is the column by which long tables are read in pieces; None = read at once.
    """

    relation: str
    order: str
    kinds: tuple[str, ...] = _TRADED
    key: str | None = None
    where: str = "true"
    left_out: tuple[str, ...] = ()  # columns that are the same in every row


TABLES: Final = {
    "run": Table("runs", "run_id", ("run", "sweep", "walk")),
    "metrics": Table("metrics", "run_id"),
    "monthly": Table("monthly", "month"),
    "symbols": Table("metrics_by_symbol", "symbol"),
    "drawdowns": Table("drawdowns", "peak_day", where="part = 'run'", left_out=_PART),
    "overfitting": Table("overfitting", "figure", ("run", "sweep", "walk")),
    "folds": Table("walk_forward", "fold", ("walk",)),
    "top": Table("top_configs", "fold, rank", _SEARCHED),
    "trials": Table("trials", "fold, trial, part", _SEARCHED),
    "trades": Table("trades", "trade", key="trade"),
    "fills": Table("fills", "n", key="n"),
    "rejections": Table("rejections", "n", key="n"),
    "funding": Table("funding_payments", "ts, symbol, trade", key="ts"),
    "days": Table("returns", "day", where="part = 'run'", left_out=_PART),
    "equity": Table("equity", "ts", key="ts"),
}


def of_kind(kind: str) -> list[str]:
    """Give the tables that a run, sweep or walk has."""
    return [name for name, table in TABLES.items() if kind in table.kinds]


def asked_for(what: str, kind: str) -> list[str]:
    """Read `--what`: a comma list of tables, or `all`; raises BtError on what this kind of run does not have."""
    names = list(dict.fromkeys(part.strip() for part in what.split(",")))
    if names == [ALL]:
        return of_kind(kind)
    for name in names:
        if name not in {*TABLES, ALL, CANDLES}:
            raise BtError(f"--what {name}: there is no such table", hint(name, (*TABLES, ALL, CANDLES)))
        if name not in TABLES:
            raise BtError(f"--what {what}: {name} stands alone", f"--what {name}")
        if kind not in TABLES[name].kinds:
            raise BtError(f"--what {name}: a {kind} has none", f"it has {', '.join(of_kind(kind))}")
    return names


def count(connection: duckdb.DuckDBPyConnection, run_id: str, name: str) -> int:
    """Count the rows of one table of a run."""
    table = TABLES[name]
    sql = f"select count(*) from {table.relation} where run_id = $run and {table.where}"
    return int(query(connection, sql, {"run": run_id}).item())


def pieces(connection: duckdb.DuckDBPyConnection, run_id: str, name: str) -> Iterator[pl.DataFrame]:
    """Give the rows of one table of a run in order, PIECE or so at once; without rows one empty frame."""
    table = TABLES[name]
    rows, low, high = _bounds(connection, run_id, table) if table.key else (1, None, None)
    parts = max(-(-rows // PIECE), 1)
    for part in range(parts):
        where, parameters = table.where, {"run": run_id}
        if parts > 1:
            after = "<=" if part == parts - 1 else "<"
            where = f"{where} and {table.key} >= $low and {table.key} {after} $high"
            parameters |= {"low": _between(low, high, part, parts), "high": _between(low, high, part + 1, parts)}
        sql = f"from {table.relation} where run_id = $run and {where} order by {table.order}"
        yield defined(query(connection, sql, parameters)).drop(table.left_out)


@contextmanager
def judged(connection: duckdb.DuckDBPyConnection, run_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection on which the run's overfitting is worked out once; verdicts reads that too."""
    with connection.cursor() as own:
        own.execute("create temp table overfitting as from main.overfitting where run_id = $run", {"run": run_id})
        yield own


def whole(connection: duckdb.DuckDBPyConnection, run_id: str, name: str) -> pl.DataFrame:
    """Give all rows of one table of a run."""
    return pl.concat(pieces(connection, run_id, name))


def comments(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    """Give what each column of a table means, by name; a meaning begins with the unit."""
    sql = """
        select column_name, coalesce(comment, '') from duckdb_columns()
        where table_name = $it and database_name <> 'temp' order by column_index
    """
    return dict(query(connection, sql, {"it": TABLES[name].relation}).iter_rows())


def defined(frame: pl.DataFrame) -> pl.DataFrame:
    """Give null where a number is none, and lists as lists."""
    numbers = [pl.col(name) for name, kind in frame.schema.items() if kind.is_float()]
    lists = [pl.col(name) for name in _LISTS if name in frame.columns]
    return frame.with_columns(
        *(pl.when(number.is_finite()).then(number) for number in numbers),
        *(each.str.json_decode(pl.List(pl.Int32)) for each in lists),
    )


def _bounds(connection: duckdb.DuckDBPyConnection, run_id: str, table: Table) -> Sequence[Any]:
    key = table.key
    sql = f"select count(*), min({key}), max({key}) from {table.relation} where run_id = $run and {table.where}"
    return query(connection, sql, {"run": run_id}).row(0)


def _between(low: Any, high: Any, part: int, parts: int) -> Any:
    return high if part == parts else low + (high - low) * part // parts
