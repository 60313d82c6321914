"""How a file becomes the relation `raw`: our columns as the file has them, and the number of each data row."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import re
import zipfile
import zlib
from contextlib import contextmanager
from glob import escape
from typing import IO, TYPE_CHECKING, Final

import duckdb
import polars as pl

from bt.errors import BtError
from bt.ingest.asking import one
from bt.warehouse import registered
from bt.warehouse.schema import literal
from bt.wording import counted, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bt.ingest.sources import Source

LONGEST_LINE: Final = 1 << 20  # bytes
_LONGEST_VALUE: Final = 200  # characters of a broken line that are recorded


class _CellCountError(BtError):
    """A line has more or fewer cells than the header."""


def load(
    connection: duckdb.DuckDBPyConnection, source: Source, places: Mapping[str, int], *, tolerant: bool, folder: Path
) -> None:
    """Make the relation `raw (row_number, ts, …)` and the table `broken (row_number, value, reason)`.

    A CSV line with too many or too few cells is an error, or where `tolerant` a row of `broken`.
    """
    connection.execute("create table broken (row_number bigint, value varchar, reason varchar)")
    if source.is_parquet:
        wanted = ", ".join(f"{_quoted(source.header[place])} as {ours}" for ours, place in places.items())
        relation = f"read_parquet({literal(escape(str(source.path)))}, file_row_number = true)"
        connection.execute(f"create view raw as select file_row_number + 1 as row_number, {wanted} from {relation}")
        return
    lines = _lines(source)
    _load_csv(connection, source, places, tolerant=tolerant, clean=folder / "clean.csv")
    (rows,) = one(connection, "select (select count(*) from raw) + (select count(*) from broken)")
    if rows != lines - source.lines_before:  # DuckDB 2.0 may drop what follows an open quote without a word
        raise BtError(*_first_long_row(source))


def _load_csv(
    connection: duckdb.DuckDBPyConnection, source: Source, places: Mapping[str, int], *, tolerant: bool, clean: Path
) -> None:
    cells = {ours: f"c{place}" for ours, place in places.items()} | ({"ts": source.times} if source.times else {})
    wanted = ", ".join(f"{cell} as {ours}" for ours, cell in cells.items())
    try:
        with readable(source.name):
            connection.execute(f"create table cells as select {wanted} from {_read_csv(source)}")
        connection.execute("create view raw as select rowid + 1 as row_number, * from cells")
    except _CellCountError:
        if not tolerant:
            raise
        relation = _read_csv(source, clean=_clean(connection, source, clean))
        with readable(source.name):
            connection.execute(
                f"create table raw as select c{len(source.header)}::bigint as row_number, {wanted} from {relation}"
            )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn whatever DuckDB says about a file inside the block into one line with the file and, for CSV, the line."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise BtError(f"{name}: {shown(error)}", "make room in the temporary folder (TMPDIR)") from error
    except duckdb.ParserException:
        raise  # our own SQL is wrong, not the file
    except duckdb.Error as error:
        raise _refusal(name, str(error)) from error


def text_of(path: Path, *, packed: bool) -> IO[bytes]:
    """Open a CSV for reading bytes, through gzip where it is packed."""
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


_DAMAGED: Final = (
    *(EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile),
    *(RuntimeError, NotImplementedError, ValueError),
)  # what unpacking raises


@contextmanager
def unpackable(name: str) -> Iterator[None]:
    """Turn what unpacking says about a damaged archive inside the block into one line."""
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        if not isinstance(error, _DAMAGED) and error.errno != errno.EINVAL:  # a damaged zip names places it has not
            raise
        raise BtError(f"{name} cannot be unpacked: {shown(error)}", "fetch it again, or unpack it by hand") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_csv(source: Source, clean: Path | None = None) -> str:
    """Give the SQL that reads every cell as text; a cleaned copy has no header and one more cell."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(source.header) + (clean is not None)))
    options = {
        "columns": f"{{{columns}}}",
        "auto_detect": "false",
        "header": "false",
        "skip": 0 if clean else source.lines_before,
        "delim": literal("," if clean else source.delimiter),
        "quote": "'\"'",
        "escape": "'\"'",
        "compression": "'gzip'" if source.packed and not clean else "'none'",
        "max_line_size": LONGEST_LINE,
    }
    path = literal(escape(str(clean or source.path)))
    return f"read_csv({path}, {', '.join(f'{option} = {value}' for option, value in options.items())})"


def _lines(source: Source) -> int:
    """Count the lines that are not empty; refuse one that fills a whole chunk, which DuckDB would not name."""
    lines, ends, ended = 0, 0, True
    with unpackable(source.name), text_of(source.path, packed=source.packed) as file:
        while chunk := file.read(LONGEST_LINE):
            if b"\n" not in chunk and b"\r" not in chunk and len(chunk) == LONGEST_LINE:
                raise BtError(f"{source.name} line {ends + 1:,}: {_TOO_LONG[0]}", _TOO_LONG[1])
            ends += max(chunk.count(b"\n"), chunk.count(b"\r"))
            parts = chunk.replace(b"\r", b"\n").split(b"\n")
            lines += sum(map(bool, parts)) - (bool(parts[0]) and not ended)
            ended = not parts[-1]
    return lines


def _first_long_row(source: Source) -> tuple[str, str]:
    """Say where the first row lies that takes more than one line."""
    with (
        unpackable(source.name),
        io.TextIOWrapper(text_of(source.path, packed=source.packed), encoding="utf-8-sig", newline="") as text,
    ):
        rows = csv.reader((line for line in text if line.strip()), delimiter=source.delimiter)
        line = next((number for number, _ in enumerate(rows, start=1) if rows.line_num > number), 0)
    return f"{source.name} line {line:,}: a quoted cell goes over several lines", "mend the quotes"


def _clean(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Path:
    """Copy the lines that have as many cells as the header, each with its row number; put the others into `broken`."""
    width = len(source.header)
    broken: list[tuple[int, str, str]] = []
    with (
        unpackable(source.name),
        io.TextIOWrapper(text_of(source.path, packed=source.packed), encoding="utf-8-sig", newline="") as text,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        rows = (row for row in csv.reader(text, delimiter=source.delimiter, strict=True) if row)
        writer = csv.writer(copy)
        try:
            for number, row in enumerate(rows, start=1 - source.lines_before):
                if number > 0 and len(row) == width:
                    writer.writerow([*row, number])
                elif number > 0:
                    line = source.delimiter.join(row)[:_LONGEST_VALUE]
                    broken.append((number, line, f"{counted(len(row), 'cell')} instead of {width}"))
        except (csv.Error, UnicodeDecodeError) as error:
            raise BtError(
                f"{source.name} cannot be read: {shown(error)}", "save it again as plain UTF-8 CSV"
            ) from error
    with registered(connection, found=pl.DataFrame(broken, schema=["row_number", "value", "reason"], orient="row")):
        connection.execute("insert into broken from found")
    return target


def _refusal(name: str, text: str) -> BtError:
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f"{name} line {int(line[1]):,}" if line else name
    cells = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if cells:
        return _CellCountError(
            f"{where}: {counted(int(cells[2]), 'cell')} instead of {cells[1]}",
            "mend the line (is there a decimal comma?); --skip-bad leaves such lines out",
        )
    for sign, (what, cure) in _PROBLEMS.items():
        if sign in text.lower():
            return BtError(f"{where}: {what}", cure)
    return BtError(f"{where} cannot be read: {shown(text.splitlines()[0])}", "is the file damaged? fetch it again")


_TOO_LONG: Final = (f"longer than {LONGEST_LINE >> 20} MiB", "this is not a CSV of candles")
_PROBLEMS: Final = {
    "unterminated quote": ("a quote is opened and never closed", "mend the line"),
    "invalid unicode": ("not UTF-8", "save the file as UTF-8"),
    "maximum line size": _TOO_LONG,
    "invalid state": ("its lines end in different ways, or its quotes are broken", "save it again as plain CSV"),
    "is encrypted": ("the Parquet file is encrypted", "decrypt it first"),
    "magic bytes": ("the Parquet file is cut off or damaged", "fetch or write it again"),
    "too small to be": ("the Parquet file is cut off or damaged", "fetch or write it again"),
    "malformed json": ("the JSON is cut off or damaged", "fetch it again"),
    "expected top-level json array": ("the JSON is not a list", "bt reads JSON lists of time and prices; write a CSV"),
    "gzip": ("the gzip file is cut off or damaged", "fetch it again"),
}  # what DuckDB's messages contain: what is wrong, what to do
