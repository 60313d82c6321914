"""One section of a report as HTML: its title, its rows as they are to be drawn, or why there are none, and its SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bt.report import cells, tables
from bt.report.embedded import column, safe_json
from bt.report.tables import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from bt.report.answers import Answer
    from bt.report.definitions import Section

PLOTTED: Final = ("line", "bar", "scatter", "candles")  # by plotly, in the reader's browser
_SAMPLED: Final = 24  # rows of a chart that are read where no script runs
_WORDS: Final = {"line": "Line chart", "bar": "Bar chart", "scatter": "Scatter chart", "candles": "Price chart"}


def drawn(answer: Answer, number: int, run: str) -> str:
    """Give the HTML of one section; `number` is its place in the page."""
    section = answer.section
    title = f'<h2 id="h{number}">{shown(section.title)}</h2>'
    note = f'<p class="note">{shown(section.note)}</p>' if section.note else ""
    if answer.frame is None:
        body = f'<p class="problem">{shown(section.path.name)}: {shown(answer.problem)}</p>'
    elif answer.is_empty:
        note, body = "", '<p class="none">no rows</p>'
    else:
        body = _body(section, answer.frame, number)
    if section.chart == "closeups" and answer.frame is not None:
        title = note = ""
    kind = f'class="{section.choices.get("width", "whole")} is-{section.chart}"'
    label = f'aria-labelledby="h{number}"' if title else f'aria-label="{shown(section.title)}"'
    return f'<section id="s{number}" {kind} {label}>{title}{note}{body}{folded(section, run)}</section>\n'


def folded(section: Section, run: str) -> str:
    """Give the SQL behind a section, with the run's id in it, so that it runs anywhere."""
    if not section.sql:
        return ""
    text = shown(section.sql.replace("$run", "'" + run.replace("'", "''") + "'"))
    name = shown(section.path.name)
    return f'<details class="sql"><summary>SQL <span>{name}</span></summary><pre><code>{text}</code></pre></details>'


def _body(section: Section, frame: pl.DataFrame, number: int) -> str:
    plain: dict[str, Callable[[], str]] = {
        "table": lambda: tables.table(section, frame),
        "trades": lambda: tables.table(section, frame) + _embedded(section, frame, number),
        "cards": lambda: tables.cards(section, frame),
        "facts": lambda: tables.facts(section, frame),
        "words": lambda: tables.words(frame),
        "code": lambda: tables.code(frame),
        "heatmap": lambda: tables.heatmap(section, frame),
        "closeups": lambda: _embedded(section, frame, number),
    }
    return plain[section.chart]() if section.chart in plain else _plotted(section, frame, number)


def _plotted(section: Section, frame: pl.DataFrame, number: int) -> str:
    """Give the place of a chart, its rows for the script, and some of them as a table for who runs none."""
    label = shown(f"{_WORDS[section.chart]}: {_described(section, frame)}")
    step = max(1, -(-frame.height // _SAMPLED))
    few = frame.gather_every(step)
    said = f"{few.height:,} of {frame.height:,} rows; " if step > 1 else ""
    instead = f'<noscript><p class="note">{said}the chart needs JavaScript</p>{tables.table(section, few)}</noscript>'
    return (
        f'<div class="chart {section.chart}" id="c{number}" role="img" aria-label="{label}"></div>{instead}'
        + _embedded(section, frame, number)
    )


def _described(section: Section, frame: pl.DataFrame) -> str:
    """Say in words from where to where a chart goes."""
    parts = [section.title]
    shown_columns = ("low", "high") if section.chart == "candles" else (section.parts["y"],)
    for name in (section.parts["x"], *shown_columns):
        values = frame[name].drop_nulls()
        form = section.formats.get(name, "")
        if len(values) and (values.dtype.is_numeric() or values.dtype.is_temporal()) and not form.startswith("by "):
            parts.append(f"{name} from {cells.written(values.min(), form)} to {cells.written(values.max(), form)}")
    return ", ".join(parts)


def _embedded(section: Section, frame: pl.DataFrame, number: int) -> str:
    data: dict[str, Any] = {
        "chart": section.chart,
        "parts": dict(section.parts),
        "formats": {name: form for name, form in section.formats.items() if name in frame.columns},
        "columns": {name: column(frame[name]) for name in frame.columns},
        "real": [name for name, kind in frame.schema.items() if kind.is_float()],
        "times": [name for name, kind in frame.schema.items() if kind.is_temporal()],
        **section.choices,
    }
    return f'<script type="application/json" id="d{number}">{safe_json(data)}</script>'
