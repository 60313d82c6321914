"""How rows become a sheet of a workbook: real numbers and dates with formats, and text that stays text.

Excel is told a cell's type, so no text is ever taken for a formula, an address or a number; a text that a spreadsheet
would take for a formula when somebody edits it is marked as text, too.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.export.rows import GUARDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS: Final = 1_048_575  # of data below a header
_LONGEST: Final = 32_767  # characters of a cell
_CUT: Final = f"… cut at Excel's {_LONGEST:,} characters"
_WIDEST: Final = 60  # characters of a column
_DAY_LONG: Final = 86_400_000_000  # µs
_DAY_ZERO: Final = 25_569  # 1970-01-01, as spreadsheets count days
_PAGE: Final = 450  # characters that can still be read when they are printed on the width of a page
_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # by XML
_FORMULA: Final = re.compile(GUARDED.replace(r"\p{Cf}", "\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"))

HEAD: Final = {"bold": True, "bottom": 1, "bg_color": "#EEF2F6", "valign": "vcenter"}
TIME: Final = "yyyy-mm-dd hh:mm"
DAY: Final = "yyyy-mm-dd"
MONEY: Final = "#,##0.00"
_PRICE: Final = "#,##0.00######"
PERCENT: Final = "0.00%"
_FINE_PERCENT: Final = "0.0000%"
_RATIO: Final = "0.00"
_COUNT: Final = "#,##0"
_NUMBER: Final = "0"  # of a trade, a fold …
_GENERAL: Final = "General"
_TRUTH: Final = '"TRUE";"TRUE";"FALSE"'  # Excel knows a truth value by its type, other programs show 1 and 0
_NAMED: Final = {  # columns whose format is not that of their unit: prices may be tiny, rates too
    **dict.fromkeys(("price", "reference", "stop", "worst", "best", "mark"), _PRICE),
    "rate": _FINE_PERCENT,
    "break_even_slippage": _FINE_PERCENT,
    "objective": "#,##0.0000",
}
_SIDED: Final = re.compile(r"^(entry|exit|in|out)_(?=price|objective)")
_NUMBERS: Final = {"trade", "n", "bar", "fold", "rank", "trial", "repeat", "seed"}
_UNITS: Final = {
    "quote": MONEY, "fraction": PERCENT, "ratio": _RATIO, "multiple": _RATIO, "percentage": _RATIO, "system": _RATIO,
    "bars": "0.0", "base": "#,##0.0#######",
}  # fmt: skip


class Book:
    """A workbook under way: its formats, each made once, and its sheets."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def style(self, **properties: Any) -> Format:
        """Give a cell format; the same one for the same properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format(dict(properties))
        return self._formats[key]

    def sheet(self, name: str, widths: Sequence[float]) -> Worksheet:
        """Add a sheet that prints on landscape pages of its width."""
        sheet = self.workbook.add_worksheet(name)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        if sum(widths) <= _PAGE:
            sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&R&P / &N")
        return sheet

    def put(self, sheet: Worksheet, row: int, column: int, value: Any, **properties: Any) -> None:
        """Write one cell by the type of its value; nothing where it is None."""
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value, self.style(**{"num_format": _TRUTH, **properties}))
        elif isinstance(value, (datetime, date)):
            form = TIME if isinstance(value, datetime) else DAY
            properties = {"num_format": form, "align": "left", "indent": 1, **properties}
            sheet.write_datetime(row, column, value, self.style(**properties))
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value, self.style(**properties))
        else:
            sheet.write_string(row, column, *self.text(str(value), **properties))

    def text(self, text: str, **properties: Any) -> tuple[str, Format]:
        """Give a text as a cell can hold it, and its format, which marks it as text where it looks like a formula."""
        safe = clean(text)
        quoted = {"quote_prefix": True} if _FORMULA.search(safe) else {}
        return safe, self.style(**{**properties, **quoted})


def write_table(
    book: Book, name: str, rows: Iterable[pl.DataFrame], meanings: Mapping[str, str], *, note: str = ""
) -> tuple[Worksheet, int]:
    """Write rows into a sheet with a bold frozen header and a filter; give the sheet and the rows.

    `meanings` are the columns' comments, which begin with the unit; a `note` stands beside the header.
    """
    pieces = iter(rows)
    piece = next(pieces)
    formats = {column: format_of(column, kind, meanings.get(column, "")) for column, kind in piece.schema.items()}
    sheet = book.sheet(name, _widths(piece, formats))
    _header(book, sheet, piece, note)
    written = 0
    while True:
        _body(book, sheet, piece, formats, after=written)
        written += piece.height
        following = next(pieces, None)
        if following is None:
            break
        piece = following
    sheet.autofilter(0, 0, written, max(piece.width - 1, 0))
    return sheet, written


def format_of(column: str, kind: pl.DataType, meaning: str) -> str:
    """Give the number format of a column, by its unit."""
    if kind.is_temporal():
        return DAY if kind == pl.Date else TIME
    if kind.is_integer():
        return _NUMBER if column in _NUMBERS else _COUNT
    if not kind.is_float():
        return _GENERAL
    unit = re.split(r"[^a-z]", meaning, maxsplit=1)[0]
    return _NAMED.get(_SIDED.sub("", column)) or _UNITS.get(unit, _GENERAL)


def clean(text: str) -> str:
    """Give a text as a cell can hold it: what XML refuses replaced, and one longer than Excel takes cut, with a word.

    Excel counts a character beyond the first 65,536 of Unicode as two.
    """
    safe = _REFUSED.sub("\ufffd", text)
    if len(safe) <= _LONGEST // 2 or len(safe.encode("utf-16-le")) <= 2 * _LONGEST:
        return safe
    kept = safe.encode("utf-16-le")[: 2 * (_LONGEST - len(_CUT))].decode("utf-16-le", "ignore")
    return kept + _CUT


def _header(book: Book, sheet: Worksheet, piece: pl.DataFrame, note: str) -> None:
    style = book.style(**HEAD, align="left", indent=1)
    aligned = book.style(**HEAD, align="right")
    sheet.set_row(0, 20)
    for place, (column, kind) in enumerate(piece.schema.items()):
        sheet.write_string(0, place, clean(_titled(column, kind)), aligned if kind.is_numeric() else style)
    if note:
        sheet.write_string(0, piece.width + 1, note, book.style(italic=True))
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)


def _titled(column: str, kind: pl.DataType) -> str:
    return f"{column} (UTC)" if kind.is_temporal() else column


def _body(book: Book, sheet: Worksheet, piece: pl.DataFrame, formats: Mapping[str, str], *, after: int) -> None:
    """Write the cells, the quick way: a whole column shares a type, and most texts are there many times."""
    days = [_day(column).alias(column) for column, kind in piece.schema.items() if kind.is_temporal()]
    writers = [
        _writer(book, sheet, place, kind, formats[column]) for place, (column, kind) in enumerate(piece.schema.items())
    ]
    for row, values in enumerate(piece.with_columns(days).iter_rows(), after + 1):
        for write, value in zip(writers, values, strict=True):
            if value is not None:
                write(row, value)


def _day(column: str) -> pl.Expr:
    """Give a time as a spreadsheet counts it: in days."""
    return pl.col(column).cast(pl.Datetime("us")).dt.epoch("us") / _DAY_LONG + _DAY_ZERO


def _writer(book: Book, sheet: Worksheet, place: int, kind: pl.DataType, form: str) -> Callable[[int, Any], Any]:
    if kind.is_numeric() or kind.is_temporal():
        beside = {"align": "left", "indent": 1} if kind.is_temporal() else {}
        style = book.style(num_format=form, **beside)
        return lambda row, value: sheet.write_number(row, place, value, style)
    if kind != pl.String:
        return lambda row, value: book.put(sheet, row, place, value, align="left", indent=1)

    @lru_cache(maxsize=1_000)
    def worked_out(text: str) -> tuple[str, Format]:
        return book.text(text, align="left", indent=1)

    return lambda row, value: sheet.write_string(row, place, *worked_out(value))


def _widths(piece: pl.DataFrame, formats: Mapping[str, str]) -> list[float]:
    sample = piece.head(1_000)
    return [
        min(max(len(_titled(column, kind)) + 3, _width(sample[column], formats[column]) + 1), _WIDEST)
        for column, kind in sample.schema.items()
    ]


def _width(values: pl.Series, form: str) -> int:
    """Give the characters that the widest value takes."""
    if values.dtype.is_temporal():
        return len(form) + 1
    if values.dtype.is_numeric():
        most = values.abs().max()
        whole = len(f"{int(most):,}") if isinstance(most, (int, float)) else 1
        after = len(form.partition(".")[2]) + 1 if form != _GENERAL else 8
        return min(whole + 1 + after, 24)
    return max((len(str(value)) for value in values.drop_nulls().unique()), default=0) + 1
