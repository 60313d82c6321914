"""Parameter sets on a terminal: what was searched, and tables of sets with their parameters as columns."""

from __future__ import annotations

import json
from datetime import time
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt.output.tables import fits, table

if TYPE_CHECKING:
    from collections.abc import Sequence

Params = tuple[pl.DataFrame, pl.DataFrame]  # those that vary as columns, and as one column of text

DIGITS: Final = {
    **dict.fromkeys(("sharpe", "in sharpe", "out sharpe", "return %", "in %", "out %", "dd %", "pf"), 2),
    **dict.fromkeys(("objective", "plateau"), 4),
}
_ENDS: Final = 3  # values a list must have for its ends to be edges
_LISTED: Final = 5  # values of a list that are written out


def searched(search: dict[str, Any]) -> str:
    """Write a search as on the command line, a long list in short."""

    def said(values: Any) -> str:
        if isinstance(values, dict):
            return f"{values['first']}:{values['last']}:{values['step']}"
        texts = [str(each) for each in values]
        return ",".join(texts if len(texts) <= _LISTED else [*texts[: _LISTED - 2], "…", texts[-1]])

    return " ".join(f"{name}={said(values)}" for name, values in search.items())


def at_edge(values: Any, value: Any) -> bool:
    """Say whether a value is the lowest or highest of those searched, where there are enough numbers to say so."""
    if isinstance(values, dict):
        several = values["last"] - values["first"] >= (_ENDS - 1) * values["step"]
        return several and value in {values["first"], values["last"]}
    if not values or any(isinstance(each, bool | str) for each in values):
        return False
    return len(values) >= _ENDS and value in {min(values), max(values)}


def split_params(frame: pl.DataFrame, search: dict[str, Any]) -> Params:
    """Give the parameters that vary as columns, and as one column of text."""
    names = [name for name, values in search.items() if isinstance(values, dict) or len(values) > 1] or list(search)
    rows = [json.loads(params) if params else {} for params in frame["params"]]
    columns = pl.DataFrame({name: pl.Series([row.get(name) for row in rows], strict=False) for name in names})
    columns = columns.with_columns(pl.selectors.by_dtype(pl.Null).cast(pl.Int64))  # of no set at all
    texts = [" ".join(f"{name}={row[name]}" for name in names) if row else None for row in rows]
    return columns, pl.DataFrame({"parameters": pl.Series(texts, dtype=pl.String)})


def beside(before: pl.DataFrame, params: Params, after: pl.DataFrame) -> list[pl.DataFrame]:
    """Put the parameters between other columns, first as columns and then as text."""
    return [pl.concat([before, _apart(each, before, after), after], how="horizontal") for each in params]


def drawn_sets(before: pl.DataFrame, params: Params, after: pl.DataFrame) -> str:
    """Draw a table of sets; where it is wider than the screen, with the parameters in one column."""
    return first_that_fits(beside(before, params, after))


def first_that_fits(frames: Sequence[pl.DataFrame]) -> str:
    """Draw the first of some tables that is not wider than the screen, else the last."""
    return table(next((frame for frame in frames if fits(frame, digits=DIGITS)), frames[-1]), digits=DIGITS).rstrip()


def _apart(params: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Rename parameters that are called as another column."""
    return params.rename({name: f"{name}=" for name in params.columns if name in {*before.columns, *after.columns}})


def moments(frame: pl.DataFrame, name: str) -> pl.Series:
    """Give times as dates where all of them are."""
    times = frame[name]
    return times.dt.date() if (times.dt.time() == time()).all() else times
