"""A whole run as one JSON object for other tools: `format` and `version` say what its fields mean.

Fields are added without a new version; one that goes, or means something else, raises it.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, Final

from bt.export.rows import encoded, lines, write_json
from bt.export.tables import TABLES, judged, pieces
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb
    import polars as pl

FORMAT: Final = "bt-run"
VERSION: Final = 1
HEAD: Final = ("format", "version", "run", "params", "config", "settings", "metrics", "verdict")
LISTS: Final = tuple(name for name in TABLES if name not in {"run", "metrics"})


def write_document(
    connection: duckdb.DuckDBPyConnection, run: Mapping[str, Any], file: IO[bytes], *, names: Sequence[str] = LISTS
) -> int:
    """Write the head of a run, whose row of `runs` is given, and a list of rows for each table of `names`.

    A list is empty where the run has no such rows. Times are ISO 8601 in UTC, what is undefined is null. Gives the
    rows that were written, the head's not counted.
    """
    with judged(connection, run["run_id"]) as known:
        return _written(known, run, file, names)


def _written(
    connection: duckdb.DuckDBPyConnection, run: Mapping[str, Any], file: IO[bytes], names: Sequence[str]
) -> int:
    head = _head(connection, run["run_id"], run["status"])
    file.write(b"{\n" + b",\n".join(encoded(name) + b": " + encoded(value) for name, value in head.items()))
    rows = 0
    for name in LISTS:
        if name in names:
            file.write(b",\n" + encoded(name) + b": ")
            rows += write_json(_without_id(connection, run["run_id"], name), file)
    file.write(b"\n}\n")
    return rows


def _head(connection: duckdb.DuckDBPyConnection, run_id: str, status: str) -> dict[str, Any]:
    [run] = _objects(next(pieces(connection, run_id, "run")))
    metrics = _objects(next(_without_id(connection, run_id, "metrics")))
    verdict = query(connection, "select sentence from verdicts where run_id = $run", {"run": run_id})
    settings = {name: run.pop(name) for name in ("params", "config", "settings")}
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": {**run, "status": status, "symbols": run["symbols"].split(",")},
        **settings,
        "metrics": metrics[0] if metrics else None,
        "verdict": verdict["sentence"][0] if verdict.height else None,
    }


def _objects(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(frame).splitlines()]


def _without_id(connection: duckdb.DuckDBPyConnection, run_id: str, name: str) -> Iterator[pl.DataFrame]:
    """Give the rows without the run's id, which the head says once."""
    return (piece.drop("run_id") for piece in pieces(connection, run_id, name))
