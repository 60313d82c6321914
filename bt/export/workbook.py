"""A run as an Excel workbook: which sheets it has, what stands on them, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import polars as pl
import polars.selectors as cs

from bt.errors import BtError
from bt.export.books import opened
from bt.export.facts import write_assumptions, write_parameters, write_summary
from bt.export.rows import parsed
from bt.export.sheets import DAY, ROWS, Book, write_table
from bt.export.tables import LONG, comments, count, defined, judged, of_kind, pieces, whole
from bt.warehouse import query
from bt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb
    from xlsxwriter.worksheet import Worksheet

BARS: Final = 100_000  # of equity; more are thinned to the last one of each day, for no sheet or chart is at ease there
TITLES: Final = {
    "trades": "Trades", "equity": "Equity", "days": "Days", "monthly": "Monthly", "symbols": "Symbols",
    "folds": "Folds", "top": "Top 10", "trials": "Trials", "fills": "Fills", "rejections": "Rejections",
    "funding": "Funding", "drawdowns": "Drawdowns", "overfitting": "Judgement",
}  # fmt: skip
USUAL: Final = ("trades", "equity", "days", "monthly", "symbols", "folds", "top", "trials")
_HEADS: Final = ("run", "metrics")  # stand on the summary
_INTERNAL: Final = ("run_id", "params_hash", "places")
_CHART: Final = {"width": 760, "height": 300}  # pixels
_CHART_ROWS: Final = 16
_MONTHS: Final = 90  # days from which a chart's axis counts months, at most twelve or so
_CURVES: Final[tuple[dict[str, Any], ...]] = (  # columns of the sheet Days
    {"title": "Equity", "column": "B", "type": "line", "form": "#,##0",
     "look": {"line": {"color": "#2A78B5", "width": 1.5}}},
    {"title": "Drawdown", "column": "D", "type": "area", "form": "0%", "look": {"fill": {"color": "#C44E32"}}},
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Say how many rows a sheet takes, and how many bars of equity before only the days' last ones are kept."""

    rows: int = ROWS
    bars: int = BARS


def write_workbook(
    connection: duckdb.DuckDBPyConnection,
    run: Mapping[str, Any],
    file: IO[bytes],
    *,
    names: Sequence[str] | None = None,
    limits: Limits = Limits(),
) -> int:
    """Write the workbook of a run, whose row of `runs` is given; `names` are the tables it has, None = the usual ones.

    Gives the rows of all tables. Raises BtError where a table has more rows than a sheet.
    """
    usual = [name for name in USUAL if name in of_kind(run["kind"])]
    wanted = usual if names is None else [name for name in TITLES if name in names]
    _require_room(connection, run["run_id"], wanted, limits.rows)
    with judged(connection, run["run_id"]) as known, opened(file) as workbook:
        workbook.set_properties({"title": f"bt run {run['run_id']}", "created": run["created_ts"]})
        book = Book(workbook)
        summary = book.sheet("Summary", (30, 22, 96))
        told = {TITLES[name]: _table(book, known, run, name, limits) for name in wanted}
        if "equity" in wanted and "days" not in wanted:
            told["Days"] = _table(book, known, run, "days", limits)
        if "equity" in wanted:
            _draw(book, told["Days"])
        write_parameters(book, run, whole(known, run["run_id"], "folds"))
        write_assumptions(book, run)
        write_summary(book, summary, known, run, {title: each.words for title, each in told.items()})
    return sum(each.rows for each in told.values())


@dataclass(frozen=True)
class _Told:
    """One sheet that was written."""

    rows: int
    words: str
    sheet: Worksheet


def _require_room(connection: duckdb.DuckDBPyConnection, run_id: str, names: Sequence[str], most: int) -> None:
    for name in names:
        rows = count(connection, run_id, name) if name in LONG and name != "equity" else 0  # equity is thinned
        if rows > most:
            others = ",".join(each for each in names if each != name)
            raise BtError(
                f"{counted(rows, 'row')} of {name}: a sheet takes {most:,}",
                f"bt export {run_id} --what {name} -O {name}.parquet; a workbook of the rest: --what {others}",
            )


def _table(
    book: Book, connection: duckdb.DuckDBPyConnection, run: Mapping[str, Any], name: str, limits: Limits
) -> _Told:
    run_id, kind = run["run_id"], run["kind"]
    meanings = comments(connection, name)
    note = ""
    rows: Iterator[pl.DataFrame] = (_shown(piece, kind) for piece in pieces(connection, run_id, name))
    if name == "equity" and (bars := count(connection, run_id, name)) > limits.bars:
        note = f"the last bar of each day; all {bars:,}: bt export {run_id} --what equity -O equity.parquet"
        rows = iter([_shown(defined(query(connection, _LAST_BARS, {"run": run_id})), kind)])
    sheet, written = write_table(book, TITLES[name], rows, meanings, note=note)
    return _Told(written, f"{counted(written, 'row')}{f': {note}' if note else ''}", sheet)


_LAST_BARS: Final = """
    from equity
    where run_id = $run and ts in (select max(ts) from equity where run_id = $run group by ts::date)
    order by ts
"""


def _shown(piece: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Leave out what no reader of a sheet needs, and give each parameter a column."""
    shown = piece.drop(_INTERNAL, strict=False)
    if kind == "sweep":  # has one span, and nothing out-of-sample
        shown = shown.drop("fold", "folds", "part", cs.starts_with("out_"), strict=False)
    if "params" not in shown.columns:
        return shown
    sets = [parsed(text) if text else {} for text in shown["params"]]
    names = list(dict.fromkeys(name for each in sets for name in each))
    columns = [
        pl.Series(
            f"{name} (parameter)" if name in shown.columns else name, [each.get(name) for each in sets], strict=False
        )
        for name in names
    ]
    place = shown.columns.index("params")
    return shown.drop("params").select(*shown.columns[:place], *columns, *shown.columns[place + 1 :])


def _draw(book: Book, days: _Told) -> None:
    """Draw equity and drawdown by day, beside the equity's columns."""
    sheet = book.workbook.get_worksheet_by_name("Equity")
    if not days.rows:
        return
    for place, curve in enumerate(_CURVES):
        chart = book.workbook.add_chart({"type": curve["type"]})
        cells = f"${days.rows + 1}"
        chart.add_series({
            "name": curve["title"], **curve["look"],
            "categories": f"=Days!$A$2:$A{cells}", "values": f"=Days!${curve['column']}$2:${curve['column']}{cells}",
        })  # fmt: skip
        chart.set_title({"name": curve["title"], "name_font": {"size": 11}})
        chart.set_legend({"none": True})
        step = {"major_unit": max(1, days.rows // 360), "major_unit_type": "months"} if days.rows > _MONTHS else {}
        form = "yyyy-mm" if step else DAY
        chart.set_x_axis(
            {"date_axis": True, "num_format": form, "label_position": "low", "num_font": {"size": 8}, **step}
        )
        lines = {"visible": True, "line": {"color": "#DDDDDD"}}
        chart.set_y_axis({"num_format": curve["form"], "num_font": {"size": 8}, "major_gridlines": lines})
        chart.set_size(_CHART)
        sheet.insert_chart(1 + _CHART_ROWS * place, 6, chart)
