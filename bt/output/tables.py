"""Rows on stdout: as a table for people, or in a format for programs; no number is ever cut."""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

FORMATS: Final = ("table", "csv", "json", "jsonl", "md", "parquet")
_NARROW: Final = 80  # columns; what a terminal that does not say is taken for


def emit(frame: pl.DataFrame, form: str, out: Path | None = None, *, force: bool = False) -> None:
    """Write rows to stdout or to `out`, in one of FORMATS."""
    if form not in FORMATS:
        raise BtError(f"there is no format {form!r}", hint(form, FORMATS))
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise BtError("parquet is not for a terminal", "name a file: -O rows.parquet")
    content = parquet(frame) if form == "parquet" else text(frame, form)
    write(content, out, force=force)


def write(content: str | bytes, out: Path | None, *, force: bool = False) -> None:
    """Write to a file that must not exist unless `force` is given, or to stdout."""
    data = content.encode() if isinstance(content, str) else content
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        with out.open("wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise BtError(f"{out} exists already", "choose another name, or remove it first") from None
    except OSError as error:
        raise BtError(f"cannot write {out}: {error.strerror}", "choose another place") from None


def text(frame: pl.DataFrame, form: str, width: int | None = None) -> str:
    """Give the rows as text."""
    if form == "csv":
        return frame.write_csv()
    if form == "json":
        return json.dumps([_plain(row) for row in frame.to_dicts()], indent=2, ensure_ascii=False) + "\n"
    if form == "jsonl":
        return "".join(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in frame.to_dicts())
    if form == "md":
        return _markdown(frame)
    return table(frame, width)


def parquet(frame: pl.DataFrame) -> bytes:
    """Give the rows as a Parquet file."""
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def object_json(value: Mapping[str, Any]) -> str:
    """Give one JSON object; dates in ISO form, undefined numbers as null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n"


def table(frame: pl.DataFrame, width: int | None = None, digits: Mapping[str, int] | None = None) -> str:
    """Draw the rows for people: numbers right-aligned, wide cells folded, never cut; `digits` fixes decimals."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    fixed = digits or {}
    for name, kind in frame.schema.items():
        drawn.add_column(Text(name), justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.rows():
        drawn.add_row(*(Text(_fixed(value, fixed.get(name))) for name, value in zip(frame.columns, row, strict=True)))
    file = io.StringIO()
    Console(file=file, width=width or screen_width(), color_system=None, legacy_windows=False).print(drawn)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def screen_width() -> int:
    """Give the columns of the terminal; without one there is no bound."""
    import shutil

    return shutil.get_terminal_size((_NARROW, 24)).columns if sys.stdout.isatty() else 10_000


def cell(value: Any) -> str:
    """Give one value for people: a dash for undefined, no control characters."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "–"  # noqa: RUF001 - what is undefined
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto") if value.microsecond else f"{value:%Y-%m-%d %H:%M:%S}"
    return printable(str(value))


def _fixed(value: Any, digits: int | None) -> str:
    if digits is None or value is None:
        return cell(value)
    return f"{round(value, digits) + 0.0:,.{digits}f}"  # adding 0 turns -0 into 0


def printable(text_: str) -> str:
    """Replace what could steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == " " else "�" for letter in text_)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124
        return None
    return value


def _markdown(frame: pl.DataFrame) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(part.replace("|", "\\|") for part in cells) + " |\n"

    rule = ["---:" if kind.is_numeric() else "---" for kind in frame.dtypes]
    rows = [line([cell(value) for value in row]) for row in frame.rows()]
    return line(list(frame.columns)) + line(rule) + "".join(rows)
