"""How a finished run becomes rows: all of it in one transaction, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from bt.results.records import as_json, short_hash
from bt.warehouse import registered, scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb
    import polars as pl

    from bt.results.records import Record, RunRecord
    from bt.warehouse import Warehouse

_SHOWN: Final = 12  # hexadecimal digits of a content hash in a run's id
_PROBE: Final = "select hash('bt', 1.5::double, 42::bigint, timestamp '2024-01-01', true, null::double)"
_HAPPENED: Final = ("fills", "rejections", "funding_payments", "equity")


class Outcome(Protocol):
    """What happened in a run: frames in the form of the warehouse's tables; see `bt.engine.Simulation`."""

    @property
    def status(self) -> str:
        """Say finished or ruined."""

    @property
    def ambiguous(self) -> int:
        """Give how many exits intrabar had to decide."""

    @property
    def fills(self) -> pl.DataFrame:
        """Give one row per fill."""

    @property
    def rejections(self) -> pl.DataFrame:
        """Give one row per refused or shrunk order."""

    @property
    def funding_payments(self) -> pl.DataFrame:
        """Give one row per payment."""

    @property
    def equity(self) -> pl.DataFrame:
        """Give one row per bar time."""

    @property
    def days(self) -> pl.DataFrame:
        """Give one row per UTC day."""


def digests(frames: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Hash every value of each frame, symbol by symbol, whatever the order of the rows: `bars BTCUSDT` to `rows:hash`.

    The hash is DuckDB's own, 80 times as quick as MD5 over the values as text. Another DuckDB may hash otherwise: so
    that this is not taken for other data, `hash` holds what known values hash to.
    """
    found = {}
    with scratch() as connection:
        [(probe,)] = connection.execute(_PROBE).fetchall()
        found["hash"] = f"{probe:016x}"
        for kind, frame in frames.items():
            names = ", ".join(f'"{name}"' for name in frame.columns)
            with registered(connection, seen=frame):
                rows = connection.execute(
                    f"select symbol, count(*), bit_xor(hash({names})) from seen group by symbol order by symbol"
                ).fetchall()
            found |= {
                f"{kind} {symbol}": f"{count}:{short_hash(f'{names}:{content}')}" for symbol, count, content in rows
            }
    return found


def store(warehouse: Warehouse, record: RunRecord, done: Outcome, timings: Mapping[str, float]) -> str:
    """Write a run with its fills, rejections, payments, equity and days in one transaction; give its id."""
    with warehouse.write() as connection:
        ended = endings(done, record.envelope) | narrated(record.warnings, timings)
        run_id = insert_run(connection, record, ended)
        insert_outcome(connection, run_id, done, record.cash)
    return run_id


def endings(done: Outcome, envelope: tuple[float, float] | None) -> dict[str, Any]:
    """Give the columns of `runs` that say how it ended."""
    return {
        "status": done.status,
        "ambiguous": done.ambiguous,
        "adverse_equity": envelope[0] if envelope else None,
        "favourable_equity": envelope[1] if envelope else None,
    }


def narrated(warnings: Iterable[str], timings: Mapping[str, float]) -> dict[str, Any]:
    """Give the columns of `runs` that are told to people."""
    return {
        "warnings": as_json(list(warnings)),
        "timings": as_json({stage: round(seconds, 6) for stage, seconds in timings.items()}),
    }


def insert_run(connection: duckdb.DuckDBPyConnection, record: Record, ended: Mapping[str, Any]) -> str:
    """Insert the row of `runs`; give its id."""
    content = record.content_hash()
    [(repeat,)] = connection.execute(
        "select coalesce(max(repeat), 0) + 1 from runs where content_hash = ?", [content]
    ).fetchall()  # fmt: skip
    run_id = f"{content[:_SHOWN]}.{repeat}"
    row = {"run_id": run_id, "content_hash": content, "repeat": repeat, **record.row(), **ended}
    marks = ", ".join(f"${name} as {name}" for name in row)
    connection.execute(
        f"""
        insert into runs by name
        select {marks}, held.return as buy_hold, now() at time zone 'UTC' as created_ts
        from buy_and_hold($symbols, $first_ts, $end_ts) as held
        """,
        row,
    )
    return run_id


def insert_outcome(connection: duckdb.DuckDBPyConnection, run_id: str, done: Outcome, cash: float) -> None:
    """Insert what happened in a run, and its metrics as they follow from it; `cash` is what the account began with."""
    frames = {f"new_{table}": getattr(done, table) for table in (*_HAPPENED, "days")}
    with registered(connection, **frames):
        for table in _HAPPENED:
            connection.execute(
                f"insert into {table} by name select $run as run_id, * from new_{table}", {"run": run_id}
            )
        _insert_days(connection, run_id, cash)
    connection.execute("insert into run_metrics by name from metrics where run_id = $run", {"run": run_id})


def _insert_days(connection: duckdb.DuckDBPyConnection, run_id: str, cash: float) -> None:
    connection.execute(
        """
        insert into days by name
        select $run as run_id, 0 as fold, 'run' as part, 0 as trial, $cash as start_cash, new_days.*
        from new_days
        order by day
        """,
        {"run": run_id, "cash": cash},
    )
