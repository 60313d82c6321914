"""How rows become text or Parquet: piece by piece, so that memory does not grow with their number.

CSV is guarded: a text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that
begins with an apostrophe: who reads the file back drops the first apostrophe of a text. Numbers and times never do.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final

import polars as pl
import polars.selectors as cs
from polars.io.plugins import register_io_source

from bt.errors import BtError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUARDED: Final = r"(?s)^(?:['\t\r\n\x00]|[\s\p{Cf}\x00]*[=+\-@＝＋－＠])"  # noqa: RUF001 - full-width forms count too
_TIME: Final = "%Y-%m-%d %H:%M:%S%.f"
_ISO: Final = "%Y-%m-%dT%H:%M:%S%.fZ"
_JSON: Final = (
    "params",
    "config",
    "settings",
    "versions",
    "warnings",
    "timings",
    "data_parts",
)  # columns whose text is JSON


def write_csv(rows: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    """Write rows as CSV with a header; give their number. Times are UTC, null is empty, empty text is quoted."""
    written = 0
    for place, piece in enumerate(rows):
        guarded(piece).write_csv(file, include_header=not place, datetime_format=_TIME)
        written += piece.height
    return written


def write_parquet(rows: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    """Write rows as Parquet, types kept, times as plain timestamps in UTC; give their number."""
    first = next(rows)
    written, failures = 0, []

    def source(*_asked: object) -> Iterator[pl.DataFrame]:
        nonlocal written
        try:
            for piece in chain([first], rows):
                written += piece.height
                yield piece
        except BaseException as failure:
            failures.append(failure)
            raise

    try:
        register_io_source(source, schema=first.schema).sink_parquet(file)
    except pl.exceptions.PolarsError:
        raise failures[0] if failures else BtError("cannot write Parquet") from None
    return written


def write_jsonl(rows: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    """Write a JSON object a row, each on a line; give their number. Times are ISO 8601 in UTC."""
    written = 0
    for piece in rows:
        if piece.height:
            file.write(lines(piece))
        written += piece.height
    return written


def write_json(rows: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    """Write one JSON list of an object a row; give their number."""
    written = 0
    file.write(b"[")
    for piece in rows:
        if piece.height:
            file.write(b",\n" if written else b"\n")
            file.write(lines(piece)[:-1].replace(b"\n", b",\n"))  # a line end inside a text is escaped
        written += piece.height
    file.write(b"\n]" if written else b"]")
    return written


WRITERS: Final[dict[str, Callable[[Iterator[pl.DataFrame], IO[bytes]], int]]] = {
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}


def guarded(piece: pl.DataFrame) -> pl.DataFrame:
    """Make texts harmless in a spreadsheet, and lists text."""
    texts = [pl.col(name) for name, kind in piece.schema.items() if kind == pl.String]
    lists = [pl.col(name) for name, kind in piece.schema.items() if isinstance(kind, pl.List)]
    return piece.with_columns(
        *(pl.when(text.str.contains(GUARDED)).then(text.str.replace("^", "'")).otherwise(text) for text in texts),
        *(
            pl.format("[{}]", each.cast(pl.List(pl.String)).list.join(",")).alias(each.meta.output_name())
            for each in lists
        ),
    )


def lines(piece: pl.DataFrame) -> bytes:
    """Give each row as a JSON object on a line; text that is JSON becomes what it says."""
    told = piece.with_columns(cs.datetime().dt.strftime(_ISO))
    if set(_JSON).isdisjoint(told.columns):
        return told.write_ndjson().encode()
    dated = told.with_columns(cs.date().dt.strftime("%Y-%m-%d"))
    return b"".join(encoded(unfolded(row)) + b"\n" for row in dated.iter_rows(named=True))


def unfolded(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row whose columns of JSON text are what they say."""
    return {name: parsed(value) if name in _JSON and value is not None else value for name, value in row.items()}


def parsed(text: str) -> Any:
    """Read stored JSON; a number that is none becomes null."""
    return json.loads(text, parse_constant=lambda _: None)


def encoded(value: Any) -> bytes:
    """Give a value as JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
