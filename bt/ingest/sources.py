"""What kind of file it is, and which columns it has."""

from __future__ import annotations

import csv
import shutil
import zipfile
from dataclasses import dataclass
from glob import escape
from typing import TYPE_CHECKING, Final

from bt.errors import BtError
from bt.ingest.reading import LONGEST_LINE, readable, text_of, unpackable
from bt.warehouse.schema import literal
from bt.wording import shown

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_DELIMITERS: Final = ",;\t|"
_BINANCE: Final = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)  # the archives of data.binance.vision have no header line
_FOREIGN: Final = {
    b"ARROW1": ("an Arrow or Feather file", "save it as Parquet or CSV"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it first"),
    b"BZh": ("packed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("packed with xz", "unpack it first"),
    b"\xff\xfe": ("written in UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("written in UTF-16", "save it as UTF-8"),
    b"SQLite": ("a SQLite database", "export the table as CSV"),
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One readable file: its column names and their DuckDB types, and how many lines come before the data of a CSV."""

    path: Path
    name: str
    header: tuple[str, ...]
    types: tuple[str, ...]
    is_parquet: bool = False
    packed: bool = False
    delimiter: str = ","
    lines_before: int = 0
    notes: tuple[str, ...] = ()


def open_source(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> Source:
    """Find out what a file is and which columns it has; `folder` takes what must be unpacked."""
    name = shown(path.name)
    beginning = _beginning(path, name)
    for magic, (what, cure) in _FOREIGN.items():
        if beginning.startswith(magic):
            raise BtError(f"{name} is {what}", cure)
    if beginning[8:12] == b"DUCK":
        raise BtError(f"{name} is a DuckDB database", "bt imports CSV and Parquet; export the table first")
    if beginning.startswith((b"PAR1", b"PARE")):
        return _parquet(connection, path, name)
    if beginning.startswith(b"PK\x03\x04"):
        path = _unzipped(path, name, folder)
        beginning = _beginning(path, name)
    return _csv(path, name, packed=beginning.startswith(b"\x1f\x8b"))


def _beginning(path: Path, name: str) -> bytes:
    if not path.exists():
        raise BtError(f"there is no file {shown(path)}", "check the path")
    if not path.is_file():
        raise BtError(f"{shown(path)} is not a regular file", "name a CSV or Parquet file")
    try:
        with path.open("rb") as file:
            beginning = file.read(16)
    except OSError as error:
        raise BtError(f"cannot read {shown(path)}: {error.strerror}", "check its permissions") from error
    if not beginning:
        raise BtError(f"{name} is empty", "nothing was imported")
    return beginning


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Source:
    place = escape(str(path))
    with readable(name):
        columns = connection.execute(f"describe from read_parquet({literal(place)})").fetchall()
    header, types = ([str(column[place]) for column in columns] for place in (0, 1))
    return Source(path=path, name=name, header=tuple(header), types=tuple(types), is_parquet=True)


def _unzipped(path: Path, name: str, folder: Path) -> Path:
    with unpackable(name), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.lower().endswith((".csv", ".csv.gz"))]
        if len(members) != 1:
            raise BtError(f"{name} holds {len(members)} CSV files, not one", "unpack it and import them one by one")
        unpacked = folder / "unpacked.csv"
        with archive.open(members[0]) as packed, unpacked.open("wb") as plain:
            shutil.copyfileobj(packed, plain, LONGEST_LINE)
    return unpacked


def _csv(path: Path, name: str, *, packed: bool) -> Source:
    line = _first_line(path, name, packed=packed)
    delimiter = max(_DELIMITERS, key=line.count)
    cells = tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), []))
    if len(cells) < 2:  # noqa: PLR2004 - a time and at least one number
        raise BtError(
            f"{name} is not a table: its first line is {shown(line)}",
            "bt imports CSV (first line: the names of the columns) and Parquet",
        )
    headless = any(_is_number(cell) for cell in cells)
    if headless and not (len(cells) == len(_BINANCE) and all(_is_number(cell) for cell in cells)):
        raise BtError(
            f"{name} has no header line: it begins with {shown(line)}",
            "put the names of its columns into a first line, such as ts,open,high,low,close,volume",
        )
    return Source(
        path=path,
        name=name,
        header=_BINANCE if headless else cells,
        types=("VARCHAR",) * len(cells),
        packed=packed,
        delimiter=delimiter,
        lines_before=int(not headless),
        notes=("no header line: read as an archive of Binance (12 columns)",) if headless else (),
    )


def _first_line(path: Path, name: str, *, packed: bool) -> str:
    with unpackable(name), text_of(path, packed=packed) as file:
        line = file.read(LONGEST_LINE).splitlines()[:1] or [b""]
    if len(line[0]) == LONGEST_LINE:
        raise BtError(f"{name} line 1: longer than {LONGEST_LINE >> 20} MiB", "this is not a CSV of candles")
    try:
        text = line[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BtError(f"{name} line 1: not UTF-8", "is it a CSV? save it as UTF-8") from None
    if "\0" in text:
        raise BtError(f"{name} line 1: holds NUL bytes", "this is not a CSV; save it as UTF-8 text")
    return text


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
