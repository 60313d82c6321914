"""How a finished run becomes rows: all of it in one transaction, or nothing."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from bt import __version__
from bt.warehouse import registered, scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import duckdb
    import polars as pl

    from bt.engine import Simulation
    from bt.warehouse import Warehouse

_SHOWN: Final = 12  # hexadecimal digits of a content hash in a run's id


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is known of a run besides what happened in it; see the table `runs`."""

    strategy: str
    params: Mapping[str, Any]
    source: str
    symbols: tuple[str, ...]
    timeframe: str
    first: datetime
    end: datetime
    quote: str
    config: Mapping[str, Any]
    fingerprint: str
    name: str | None
    note: str | None
    bars: int
    envelope: tuple[float, float] | None  # final equity with every bar taken the adverse, the favourable way
    warnings: tuple[str, ...]
    kind: str = "run"
    seed: int | None = None

    def content_hash(self) -> str:
        """Hash all that decides the result: data, strategy, parameters, configuration, engine; not when it was read."""
        rules = [{key: value for key, value in row.items() if key != "as_of"} for row in self.config["instruments"]]
        config = {**self.config, "instruments": rules}
        parts = (
            self.fingerprint, self.strategy, self.source, _json(self.params), ",".join(self.symbols), self.timeframe,
            self.first.isoformat(), self.end.isoformat(), _json(config), __version__,
        )  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fingerprint(frames: Iterable[pl.DataFrame]) -> str:
    """Give a short hash of every value in the frames, whatever the order of their rows."""
    parts = []
    with scratch() as connection:
        for frame in frames:
            with registered(connection, seen=frame):
                names = ", ".join(f'"{name}"' for name in frame.columns)
                found = connection.execute(f"select count(*), bit_xor(hash({names})) from seen").fetchall()
                parts.append(f"{names}:{found}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]


def store(warehouse: Warehouse, record: RunRecord, done: Simulation, timings: Mapping[str, float]) -> str:
    """Write a run with its fills, rejections, payments, equity and days in one transaction; give its id."""
    content = record.content_hash()
    frames = {
        "new_fills": done.fills,
        "new_rejections": done.rejections,
        "new_funding_payments": done.funding_payments,
        "new_equity": done.equity,
        "new_days": done.days,
    }
    with warehouse.write() as connection, registered(connection, **frames):
        repeat = _next_repeat(connection, content)
        run_id = f"{content[:_SHOWN]}.{repeat}"
        identity = {"run_id": run_id, "content_hash": content, "repeat": repeat}
        _insert_run(connection, identity | _described(record, done, timings))
        for table in ("fills", "rejections", "funding_payments", "equity"):
            connection.execute(
                f"insert into {table} by name select $run as run_id, * from new_{table}", {"run": run_id}
            )
        _insert_days(connection, run_id, record.config["account"]["cash"])
    return run_id


def _next_repeat(connection: duckdb.DuckDBPyConnection, content: str) -> int:
    row = connection.execute(
        "select coalesce(max(repeat), 0) + 1 from runs where content_hash = ?", [content]
    ).fetchone()  # fmt: skip
    return int(row[0]) if row else 1


def _described(record: RunRecord, done: Simulation, timings: Mapping[str, float]) -> dict[str, Any]:
    """Give the row of `runs`, without what is worked out in the database."""
    return {
        "kind": record.kind,
        "name": record.name,
        "note": record.note,
        "strategy": record.strategy,
        "params": _json(record.params),
        "symbols": ",".join(record.symbols),
        "timeframe": record.timeframe,
        "first_ts": record.first,
        "end_ts": record.end,
        "quote": record.quote,
        "start_cash": record.config["account"]["cash"],
        "config": _json(record.config),
        "data_fingerprint": record.fingerprint,
        "strategy_source": record.source,
        "strategy_hash": hashlib.sha256(record.source.encode()).hexdigest(),
        "versions": _json(_versions()),
        "seed": record.seed,
        "status": done.status,
        "bars": record.bars,
        "ambiguous": done.ambiguous,
        "adverse_equity": record.envelope[0] if record.envelope else None,
        "favourable_equity": record.envelope[1] if record.envelope else None,
        "warnings": _json(record.warnings),
        "timings": _json({stage: round(seconds, 6) for stage, seconds in timings.items()}),
    }


def _insert_run(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> None:
    marks = ", ".join(f"${name} as {name}" for name in row)
    connection.execute(
        f"""
        insert into runs by name
        select {marks}, held.return as buy_hold, now() at time zone 'UTC' as created_ts
        from buy_and_hold($symbols, $first_ts, $end_ts) as held
        """,
        dict(row),
    )


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


def _versions() -> dict[str, str]:
    packages = ("duckdb", "polars", "numpy", "numba")
    return {"bt": __version__, "python": platform.python_version()} | {name: version(name) for name in packages}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
