"""What the warehouse answers to each section of a report: rows, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

import duckdb

from bt.warehouse import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from bt.report.definitions import Section

PATIENCE: Final = 10.0  # s for a section
MOST_ROWS: Final = {
    "table": 2_000,
    "trades": 2_000,
    "cards": 60,
    "facts": 200,
    "words": 50,
    "code": 1,
    "heatmap": 4_000,
}
MOST_POINTS: Final = 20_000  # rows of any other chart
_MOST_COLUMNS: Final = 60
_NUMBERS: Final = ("line", "bar", "scatter", "heatmap")
_MOST_TEXT: Final = 400_000  # characters of all texts of a section; a report is a page and no archive
_SHARED: Final = {  # what takes long and several sections read: relation to the words by which they are known
    "trades": ("trades",),
    "overfitting": ("overfitting", "verdicts"),  # verdicts reads the temporary one too
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A section with its rows; `frame` is None where a `problem` says why."""

    section: Section
    frame: pl.DataFrame | None = None
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether it went well and there is nothing to show."""
        return self.frame is not None and self.frame.is_empty()


def answered(
    connection: duckdb.DuckDBPyConnection, sections: Sequence[Section], run: str, *, patience: float = PATIENCE
) -> list[Answer]:
    """Ask every section's SELECT about a run; a fault of one is its own answer's `problem`.

    bt's own sections share the run's trades and judgement, which are worked out once; a user's see the warehouse as it
    is.
    """
    with connection.cursor() as shared, connection.cursor() as bare:
        texts = [each.sql for each in sections if not each.is_own and not each.problem]
        for relation, words in _SHARED.items():
            if any(word in text for word in words for text in texts):
                shared.execute(
                    f"create temp table {relation} as from main.{relation} where run_id = $run", {"run": run}
                )
        return [_answer(bare if each.is_own else shared, each, run, patience) for each in sections]


def _answer(connection: duckdb.DuckDBPyConnection, section: Section, run: str, patience: float) -> Answer:
    if section.problem:
        return Answer(section=section, problem=section.problem)
    most = MOST_ROWS.get(section.chart, MOST_POINTS)
    try:
        frame = _asked(connection, section.sql, run, most=most, patience=patience)
    except duckdb.InterruptException:
        return Answer(section=section, problem=f"took longer than {patience:g} s and was stopped")
    except (duckdb.Error, ValueError) as error:
        return Answer(section=section, problem=_first_line(error))
    problem = _wrong(section, frame, most)
    return Answer(section=section, problem=problem) if problem else Answer(section=section, frame=frame)


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, run: str, *, most: int, patience: float) -> pl.DataFrame:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(each.type.name.lower() for each in statements) or "nothing"
        raise ValueError(f"a section is one SELECT, not: {kinds}")
    unknown = sorted(statements[0].named_parameters - {"run"})
    if unknown:
        raise ValueError(f"only $run is given, not ${unknown[0]}")
    given: dict[str, Any] | None = {"run": run} if statements[0].named_parameters else None
    timer = Timer(patience, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        return query(connection, f"from (\n{sql}\n) as section limit {most + 1}", given)
    finally:
        timer.cancel()


def _wrong(section: Section, frame: pl.DataFrame, most: int) -> str:
    """Say what is wrong with an answer, nothing where all is well."""
    import polars as pl

    if frame.height > most:
        return f"gives more than {most:,} rows: sum them up, or set a limit"
    if frame.width > _MOST_COLUMNS:
        return f"gives {frame.width} columns, more than {_MOST_COLUMNS}"
    missing = [name for name in section.needed if name not in frame.columns]
    if missing:
        return f"gives no column {missing[0]!r}, only: {', '.join(frame.columns)}"
    name = section.parts.get("value" if section.chart == "heatmap" else "y", "")
    if section.chart in _NUMBERS and not frame[name].dtype.is_numeric() and frame[name].null_count() < frame.height:
        return f"the column {name!r} must hold numbers, not {frame[name].dtype}"
    texts = frame.select(pl.col(pl.String).str.len_chars().sum())
    if sum(value or 0 for value in (texts.row(0) if texts.width else ())) > _MOST_TEXT:
        return f"gives more than {_MOST_TEXT:,} characters of text"
    return ""


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
