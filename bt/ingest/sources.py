"""What kind of file it is, and which columns it has."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from glob import escape
from typing import TYPE_CHECKING, Final

from bt.errors import BtError
from bt.ingest.checksum import verified
from bt.ingest.columns import squeezed
from bt.ingest.packing import LISTS, csv_of_json, parquet_of_feather, unzipped
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
)  # data.binance.vision; its spot archives have no header line
_DOTTED: Final = re.compile(r"\d{4}\.\d\d\.\d\d( \d\d:\d\d)?")
_PRICES: Final = ("open", "high", "low", "close")
_METATRADER: Final = {
    6: ("ts", *_PRICES, "volume"),
    7: ("ts", "time", *_PRICES, "volume"),
    8: ("ts", "time", *_PRICES, "tick_volume", "volume"),
}  # public.bybit.com/kline_for_metatrader4; the wider ones have date and time apart
_TOGETHER, _APART = (6,), (7, 8)  # columns
_METATRADER_ZONE: Final = "Etc/GMT-3"  # UTC+3: an archive less 3 h agrees with minutes made of trades
_FOREIGN: Final = {
    b"FEA1": ("a Feather file of version 1", "save it as Feather version 2, Parquet or CSV"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it first"),
    b"BZh": ("packed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("packed with xz", "unpack it first"),
    b"\xff\xfe": ("written in UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("written in UTF-16", "save it as UTF-8"),
    b"SQLite": ("a SQLite database", "export the table as CSV"),
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One readable file: its column names and their DuckDB types, and how many lines come before the data of a CSV.

    `times` is SQL over the cells `c0`, `c1` … of a CSV where its time is no ISO time in one cell. `zone` is the clock
    of a file that names none and is known to be not UTC. With `units_mix` each epoch time may be of another unit.
    """

    path: Path
    name: str
    header: tuple[str, ...]
    types: tuple[str, ...]
    is_parquet: bool = False
    packed: bool = False
    delimiter: str = ","
    lines_before: int = 0
    times: str | None = None
    zone: str | None = None
    units_mix: bool = False
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
    checked = tuple(filter(None, [verified(path, name)]))
    if beginning.startswith((b"PAR1", b"PARE")):
        return _parquet(connection, path, name, checked)
    if beginning.startswith(b"ARROW1"):
        return _parquet(connection, parquet_of_feather(path, name, folder), name, checked)
    if beginning.startswith(b"PK\x03\x04"):
        path = unzipped(path, name, folder)
        beginning = _beginning(path, name)
    packed = beginning.startswith(b"\x1f\x8b")
    if _is_json(path, name, packed=packed):
        return _json(csv_of_json(connection, path, name, packed=packed, folder=folder), name, checked)
    return _csv(path, name, checked, packed=packed)


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


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path, name: str, notes: tuple[str, ...]) -> Source:
    place = escape(str(path))
    with readable(name):
        columns = connection.execute(f"describe from read_parquet({literal(place)})").fetchall()
    header, types = ([str(column[place]) for column in columns] for place in (0, 1))
    return Source(path=path, name=name, header=tuple(header), types=tuple(types), is_parquet=True, notes=notes)


def _is_json(path: Path, name: str, *, packed: bool) -> bool:
    with unpackable(name), text_of(path, packed=packed) as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"[", b"{"))


def _json(path: Path, name: str, notes: tuple[str, ...]) -> Source:
    read_as = f"JSON lists: read as {', '.join(LISTS)}"
    types = ("VARCHAR",) * len(LISTS)
    return Source(path=path, name=name, header=LISTS, types=types, lines_before=1, notes=(*notes, read_as))


def _csv(path: Path, name: str, notes: tuple[str, ...], *, packed: bool) -> Source:
    line = _first_line(path, name, packed=packed)
    delimiter = max(_DELIMITERS, key=line.count)
    cells = tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), []))
    if len(cells) < 2:  # noqa: PLR2004 - a time and at least one number
        raise BtError(
            f"{name} is not a table: its first line is {shown(line)}",
            "bt imports CSV (first line: the names of the columns), Parquet, Feather and JSON lists",
        )
    found = Source(
        path=path, name=name, header=cells, types=("VARCHAR",) * len(cells), packed=packed, delimiter=delimiter,
        lines_before=1, units_mix=squeezed("".join(cells)) == squeezed("".join(_BINANCE)), notes=notes,
    )  # fmt: skip
    return _headless(found, cells, line) if any(_is_number(cell) for cell in cells) else found


def _headless(found: Source, cells: tuple[str, ...], line: str) -> Source:
    """Know an archive without a header line by its first row; anything else without one is refused."""
    numbers = [_is_number(cell) for cell in cells]
    if len(cells) == len(_BINANCE) and all(numbers):
        note = "no header line: read as an archive of Binance (12 columns)"
        return replace(found, header=_BINANCE, lines_before=0, units_mix=True, notes=(*found.notes, note))
    dotted = _DOTTED.fullmatch(cells[0])
    apart = int(bool(dotted and not dotted[1]))
    if dotted and len(cells) in (_APART if apart else _TOGETHER) and all(numbers[1 + apart :]):
        note = (
            "no header line, dates with dots: an archive of Bybit for MetaTrader 4, whose clock is UTC+3 (else: --tz)"
        )
        return replace(
            found, header=_METATRADER[len(cells)], lines_before=0, zone=_METATRADER_ZONE,
            times="replace(c0, '.', '-')" + " || ' ' || c1" * apart, notes=(*found.notes, note),
        )  # fmt: skip
    raise BtError(
        f"{found.name} has no header line: it begins with {shown(line)}",
        "put the names of its columns into a first line, such as ts,open,high,low,close,volume",
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
