"""The sheets of a workbook that are no tables: summary, parameters and assumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt import config
from bt.export.rows import parsed
from bt.export.sheets import HEAD, format_of, write_table
from bt.export.tables import comments, of_kind, whole
from bt.output import title_of
from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb
    from xlsxwriter.worksheet import Worksheet

    from bt.export.sheets import Book

_TITLE: Final = {"bold": True, "font_size": 14}
_BESIDE: Final = {"text_wrap": True, "indent": 1, "align": "left"}
_LINE: Final = 150  # characters across the three columns
_MEANING: Final = 105  # characters across the third
_VALUE: Final = 1  # the column of values
_HEIGHT: Final = 15  # of a line
_RUN: Final = (
    "run_id", "name", "note", "kind", "status", "strategy", "symbols", "timeframe", "first_ts", "end_ts", "bars",
    "sets", "quote", "created_ts",
)  # fmt: skip
_MADE_FROM: Final = ("data_fingerprint", "strategy_hash", "content_hash", "seed")
_TRADED: Final = ("Trades", "Equity", "Days", "Monthly", "Symbols")
_SEARCHED: Final = ("Top 10", "Trials")
_RULES: Final = (
    "Signals are known at a bar's close and act at the open of the next bar.",
    "Fees are charged on every fill, slippage on market and stop fills.",
    "Missing candles are never filled in: an entry across a recorded gap is refused.",
    "Money is in the quote currency, quantities are in the base currency, times are UTC; ts is a bar's open time.",
)


class _Page:
    """Write a sheet downwards."""

    def __init__(self, book: Book, sheet: Worksheet) -> None:
        self.book, self.sheet, self.row = book, sheet, 0

    def line(self, *cells: Any, style: Any = None, **of_value: Any) -> None:
        """Write cells beside each other; `of_value` is the look of the second; a long third one gets more lines."""
        if max((len(str(cell)) for cell in cells[_VALUE + 1 :]), default=0) > _MEANING:
            self.sheet.set_row(self.row, 2 * _HEIGHT)
        for place, cell in enumerate(cells):
            own = of_value if place == _VALUE else _BESIDE if place > _VALUE else {}
            look = {"valign": "vcenter", **own, **(style or {})}
            shown = {True: "yes", False: "no"}.get(cell, cell) if isinstance(cell, bool) else cell
            self.book.put(self.sheet, self.row, place, shown, **look)
        self.row += 1

    def section(self, *heads: str, **of_value: Any) -> None:
        """Leave a line, and write a header."""
        self.row += 1
        self.sheet.set_row(self.row, 20)
        self.line(*heads, style=HEAD, **of_value)

    def sentence(self, text: str) -> None:
        """Write a text across the columns, in as many lines as it takes."""
        self.sheet.set_row(self.row, _HEIGHT * (1 + len(text) // _LINE))
        self.sheet.merge_range(self.row, 0, self.row, 2, "")
        self.book.put(self.sheet, self.row, 0, text, text_wrap=True, valign="vcenter")
        self.row += 1


def write_summary(
    book: Book, sheet: Worksheet, connection: duckdb.DuckDBPyConnection, run: Mapping[str, Any], told: Mapping[str, str]
) -> None:
    """Write what was tested, what came of it, what to know of it, and which sheets there are, with their rows."""
    page = _Page(book, sheet)
    page.line(title_of(run), style=_TITLE)
    verdict = query(connection, "select sentence from verdicts where run_id = $run", {"run": run["run_id"]})
    for sentence in verdict["sentence"]:
        page.sentence(sentence)
    page.section("Run", "", "")
    for name in _RUN:
        if run[name] is not None:
            page.line(name, run[name], align="left", indent=0)
    _metrics(page, connection, run)
    _judgement(page, connection, run["run_id"])
    page.section("Warnings", "", "")
    for warning in parsed(run["warnings"]) or ["none"]:
        page.sentence(warning)
    _sheets(page, run, told)


def write_parameters(book: Book, run: Mapping[str, Any], folds: pl.DataFrame) -> None:
    """Write the parameters of a run; of a search what was searched, how, and what was chosen, in each fold."""
    settings = parsed(run["settings"]) if run["settings"] else {}
    searched = settings.pop("search", {})
    chosen = {"value": parsed(run["params"])} if run["kind"] != "walk" else {
        f"fold {row['fold']}": parsed(row["params"]) if row["params"] else {} for row in folds.iter_rows(named=True)
    }  # fmt: skip
    page = _Page(book, book.sheet("Parameters", (30, 30 if searched else 18, *([18] * len(chosen)))))
    heads = (*(("searched",) if searched else ()), *chosen)
    page.line("parameter", *heads, style=HEAD)
    page.sheet.freeze_panes(1, 1)
    for name in dict.fromkeys([*searched, *(name for each in chosen.values() for name in each)]):
        space = (_words(searched.get(name)),) if searched else ()
        page.line(name, *space, *(each.get(name) for each in chosen.values()), align="left")
    if settings:
        page.section("search", "")
        for group, name, value in _flat(settings):
            page.line(f"{group} {name}".strip(), "none" if value is None else value, align="left")


def write_assumptions(book: Book, run: Mapping[str, Any]) -> None:
    """Write the rules that were traded by, every setting, the instruments' rules, and what the run was made from."""
    settings = parsed(run["config"])
    instruments = settings.pop("instruments", [])
    page = _Page(book, book.sheet("Assumptions", (30, 22, 96)))
    page.line("How it was traded", "", "", style=HEAD)
    for sentence in _RULES:
        page.sentence(sentence)
    page.section("Setting", "value", "meaning")
    for group, name, value in _flat(settings):
        known = config.SETTINGS.get(name.split()[-1])
        look = {"num_format": "0.0###%"} if known and known.read == config.fraction and value is not None else {}
        page.line(
            f"{group} {name}".strip(),
            "none" if value is None else value,
            known.meaning if known else None,
            align="left",
            **look,
        )
    _made_from(page, run)
    if instruments:
        rules = pl.DataFrame(instruments, infer_schema_length=None)
        write_table(book, "Instruments", [rules.select("symbol", pl.exclude("symbol"))], {})


def _sheets(page: _Page, run: Mapping[str, Any], told: Mapping[str, str]) -> None:
    """List the sheets there are, and those that are not, with why."""
    style = page.book.style(font_color="#2A78B5", underline=1, valign="vcenter")
    page.section("Sheets", "rows", "")
    for title in [each.name for each in page.book.workbook.worksheets()][1:]:
        rows, _, note = told.get(title, "").partition(": ")
        page.sheet.write_url(page.row, 0, f"internal:'{title}'!A1", style, title)
        page.line(None, rows, note, align="left")
    for title, why in _absent(run, told):
        page.line(title, "not here", why, align="left")


def _made_from(page: _Page, run: Mapping[str, Any]) -> None:
    page.section("Made from", "", "")
    for name in _MADE_FROM:
        if run[name] is not None:
            page.line(name, run[name], align="left")
    for name, version in parsed(run["versions"]).items():
        page.line(f"version of {name}", version, align="left")


def _metrics(page: _Page, connection: duckdb.DuckDBPyConnection, run: Mapping[str, Any]) -> None:
    """Write each metric with its meaning; of a sweep those of its chosen set that it was chosen by."""
    name = "metrics" if "metrics" in of_kind(run["kind"]) else "top"
    frame = whole(connection, run["run_id"], name)
    frame = frame if name == "metrics" else frame.filter((pl.col("fold") == 0) & (pl.col("rank") == 1))
    if frame.is_empty():
        page.section("Metrics", "", "")
        page.sentence("none yet: the run is not finished, or no set qualified")
        return
    page.section("Metrics" if name == "metrics" else "Best set, in-sample", "value", "meaning", align="right")
    meanings = comments(connection, name)
    for column, value in frame.drop("run_id", "params", strict=False).row(0, named=True).items():
        if name == "top" and (column.startswith("out_") or column in {"fold", "rank"}):
            continue
        shown = "–" if value is None else value  # noqa: RUF001 - undefined
        form = format_of(column, frame.schema[column], meanings[column])
        page.line(column, shown, meanings[column], num_format=form, align="right")


def _judgement(page: _Page, connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Write each figure that tells skill from luck with what it is held against."""
    rows = whole(connection, run_id, "overfitting")
    if rows.is_empty():
        return
    page.section("Skill or luck", "value", "held against", align="right")
    for row in rows.iter_rows(named=True):
        words = []
        if row["low"] is not None and row["high"] is not None:
            words.append(f"between {row['low']:.4g} and {row['high']:.4g}")
        if row["threshold"] is not None:
            words.append(f"threshold {row['threshold']:.4g}: {'holds' if row['holds'] else 'does not hold'}")
        shown = "–" if row["value"] is None else row["value"]  # noqa: RUF001 - undefined
        page.line(row["figure"], shown, row["reason"] or ", ".join(words), num_format="#,##0.00##", align="right")


def _absent(run: Mapping[str, Any], told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Say which sheets that other workbooks have are not in this one, and why."""
    own = of_kind(run["kind"])
    groups = ((_TRADED, "trades", "a sweep keeps no trades of its sets: bt run makes the run of one"),
              (_SEARCHED, "top", "of sweeps and walk-forwards: this is one run"))  # fmt: skip
    for titles, table, why in groups:
        for title in titles:
            if title not in told:
                yield title, why if table not in own else "not asked for with --what"


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, str, Any]]:
    """Give settings inside settings as group, name and value."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{group} {name}".strip())
        else:
            yield group, name, _words(value) if isinstance(value, list) else value


def _words(value: Any) -> Any:
    """Give a list, or the parts of a range, in a cell."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
