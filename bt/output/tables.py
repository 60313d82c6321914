"""Rows on stdout: as a table for people, or in a format for programs; no number is ever cut."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

FORMATS: Final = ("table", "csv", "json", "jsonl", "md", "parquet")
_BETWEEN: Final = "  "
_NARROW: Final = 80  # columns; what a terminal that does not say is taken for


def check_output(form: str, out: Path | None) -> None:
    """Refuse a format or a file that could not be written in the end."""
    if form not in FORMATS:
        raise BtError(f"there is no format {form!r}", hint(form, FORMATS))
    if form == "parquet" and out is None and sys.stdout and sys.stdout.isatty():
        raise BtError("parquet is not for a terminal", "name a file: -O rows.parquet")
    if out is None:
        return
    if out.exists():
        raise BtError(f"{out} exists already", "choose another name, or remove it first")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise BtError(f"cannot write {out}: its folder is missing or not writable", "choose another place")


def emit(frame: pl.DataFrame, form: str, out: Path | None = None) -> None:
    """Write rows to stdout or to `out`, in one of FORMATS."""
    check_output(form, out)
    write(parquet(frame) if form == "parquet" else text(frame, form), out)


def write(content: str | bytes, out: Path | None) -> None:
    """Write to stdout, or to a file that must not exist yet."""
    data = content.encode() if isinstance(content, str) else content
    if out is None:
        if sys.stdout is None:
            raise BtError("there is no stdout to write to", "name a file: -O FILE")
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        with out.open("xb") as file:
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
    """Draw the rows for people: numbers right-aligned, nothing cut; `digits` fixes decimals.

    Rows wider than the screen are drawn one below the other instead.
    """
    from rich.cells import cell_len

    columns, widths, across = _laid(frame, digits)
    if across > (width or screen_width()):
        return _records(columns, frame.height)

    def line(texts: Mapping[str, str]) -> str:
        padded = []
        for name, text_ in texts.items():
            space = " " * (widths[name] - cell_len(text_))
            padded.append(space + text_ if frame.schema[name].is_numeric() else text_ + space)
        return _BETWEEN.join(padded).rstrip() + "\n"

    head = line({name: printable(name) for name in columns}) + "─" * across + "\n"
    return head + "".join(line({name: columns[name][row] for name in columns}) for row in range(frame.height))


def fits(frame: pl.DataFrame, width: int | None = None, digits: Mapping[str, int] | None = None) -> bool:
    """Say whether the rows can be drawn side by side on the screen."""
    return _laid(frame, digits)[2] <= (width or screen_width())


def _laid(frame: pl.DataFrame, digits: Mapping[str, int] | None) -> tuple[dict[str, list[str]], dict[str, int], int]:
    """Give each column's cells, its width, and the width of all."""
    from rich.cells import cell_len

    columns = {name: cells(frame[name], (digits or {}).get(name)) for name in frame.columns}
    widths = {name: max(cell_len(text) for text in (printable(name), *texts)) for name, texts in columns.items()}
    return columns, widths, sum(widths.values()) + len(_BETWEEN) * (len(widths) - 1)


def _records(columns: Mapping[str, list[str]], count: int) -> str:
    """Draw each row as lines of name and value."""
    names = max(len(printable(name)) for name in columns)
    blocks = [
        "\n".join(
            [f"── {row + 1}", *(f"{printable(name).ljust(names)}  {texts[row]}" for name, texts in columns.items())]
        )
        for row in range(count)
    ]
    return "\n".join(blocks) + "\n"


def cells(column: pl.Series, digits: int | None = None) -> list[str]:
    """Give each value of a column for people; `digits` fixes decimals."""
    values = column.to_list()
    if column.dtype.is_temporal():
        times = [value for value in values if isinstance(value, datetime)]
        exact = any(time.second or time.microsecond for time in times)
        return [
            f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) and not exact else cell(value) for value in values
        ]
    return [_fixed(value, digits) for value in values]


def screen_width() -> int:
    """Give the columns of the terminal; without one there is no bound."""
    import shutil

    return shutil.get_terminal_size((_NARROW, 24)).columns if sys.stdout and sys.stdout.isatty() else 10_000


def cell(value: Any) -> str:
    """Give one value for people: a dash for undefined, no control characters."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "–"  # noqa: RUF001 - what is undefined
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
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
