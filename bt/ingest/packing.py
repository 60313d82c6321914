"""Files that DuckDB does not read as they are: unpacked or rewritten into a temporary folder, cell by cell the same."""

from __future__ import annotations

import shutil
import zipfile
from glob import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from bt.errors import BtError
from bt.ingest.asking import exists, one
from bt.ingest.reading import LONGEST_LINE, readable, unpackable
from bt.warehouse.schema import literal
from bt.wording import shown

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

LISTS: Final = ("date", "open", "high", "low", "close", "volume")  # what freqtrade's and ccxt's JSON lists hold


def unzipped(path: Path, name: str, folder: Path) -> Path:
    """Unpack the only CSV of a zip archive."""
    with unpackable(name), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.lower().endswith((".csv", ".csv.gz"))]
        if len(members) != 1:
            raise BtError(f"{name} holds {len(members)} CSV files, not one", "unpack it and import them one by one")
        unpacked = folder / "unpacked.csv"
        with archive.open(members[0]) as packed, unpacked.open("wb") as plain:
            shutil.copyfileobj(packed, plain, LONGEST_LINE)
    return unpacked


def parquet_of_feather(path: Path, name: str, folder: Path) -> Path:
    """Write the table of a Feather file as Parquet, in pieces."""
    target = folder / "unpacked.parquet"
    try:
        pl.scan_ipc(path, glob=False).sink_parquet(target, compression="lz4")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise BtError(
            f"{name} cannot be read as Feather: {shown(str(error).partition(chr(10))[0])}",
            "is it damaged? fetch it again, or save it as Parquet or CSV",
        ) from error
    return target


def csv_of_json(connection: duckdb.DuckDBPyConnection, path: Path, name: str, *, packed: bool, folder: Path) -> Path:
    """Write JSON lists `[[time, open, high, low, close, volume], …]` as CSV, in pieces."""
    target = folder / "unpacked.csv"
    compression = "gzip" if packed else "none"
    lists = f"read_json_objects({literal(escape(str(path)))}, format = 'array', compression = '{compression}')"
    wrong = f"coalesce(json_array_length(json), 0) <> {len(LISTS)}"
    with readable(name):
        if exists(connection, f"from {lists} where {wrong}"):
            row, value = one(  # numbered only now: that takes memory for the whole file
                connection,
                f"""select row_number, left(json::varchar, 200)
                from (select row_number() over () as row_number, json from {lists}) where {wrong} limit 1""",
            )
            raise BtError(
                f"{name} row {row:,}: {shown(value)} is not a list of {len(LISTS)} values",
                f"bt reads JSON lists of {', '.join(LISTS)}; write other JSON as CSV or Parquet",
            )
        cells = ", ".join(f"json->>'$[{place}]' as {column}" for place, column in enumerate(LISTS))
        connection.execute(f"copy (select {cells} from {lists}) to {literal(target)} (format csv, header true)")
    return target
