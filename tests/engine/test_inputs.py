"""Bad frames are refused before anything runs, by a BtError that names row, symbol and column.

Rows 0 to 3 are symbol A, rows 4 to 7 symbol B; what is wrong is wrong in row 5.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

import polars as pl
import pytest

import bt
from tests.engine.cases import START
from tests.engine.scenes import BARS, SIGNALS, typed

Table: TypeAlias = "dict[str, tuple[Any, ...]]"

ROW = ["row 5", "B", "2024-01-01 21:00"]
NAN, INF = float("nan"), float("inf")


def put(frame: pl.DataFrame, column: str, value: Any) -> pl.DataFrame:
    """Put a value into row 5."""
    here = pl.int_range(pl.len()) == 5
    return frame.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


def said(column: str, value: Any) -> pl.DataFrame:
    """Put a signal column with a value in row 5."""
    return put(SIGNALS.with_columns(pl.lit(None, dtype=pl.Float64).alias(column)), column, value)


def rule(column: str, value: Any) -> pl.DataFrame:
    return pl.DataFrame({"symbol": ["A", "B"], column: [None, value]})


def gap(first: Any, last: Any) -> pl.DataFrame:
    return pl.DataFrame({"symbol": ["B"], "first": [first], "last": [last]})


def far(frame: pl.DataFrame) -> pl.DataFrame:
    """Move to where nanoseconds taken for microseconds land: the year 15,713."""
    return frame.with_columns(pl.col("ts") + timedelta(days=5_000_000))


def swapped(frame: pl.DataFrame) -> pl.DataFrame:
    """Exchange rows 4 and 5."""
    return frame[[0, 1, 2, 3, 5, 4, 6, 7]]


def funding(column: str, value: Any) -> pl.DataFrame:
    """Put a value into row 1, which is of symbol B."""
    here = pl.int_range(pl.len()) == 1
    return FUNDING.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


FUNDING = pl.DataFrame({"symbol": ["A", "B"], "ts": [START, START], "rate": [0.0001, 0.0001], "mark": [100.0, 100.0]})
ZONED = FUNDING.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))
ABOVE_ZERO = ("stop_price", "take_price", "entry_limit", "entry_stop", "size")
NUMBERS = (*ABOVE_ZERO, "stop_distance", "take_distance", "trail_distance", "score")
TWO_LENGTHS = pl.concat(
    pl.concat([BARS[:1]] * 40).with_columns(symbol=pl.lit(symbol), ts=START + pl.int_range(40) * every)
    for symbol, every in (("A", timedelta(minutes=1)), ("B", timedelta(hours=1)))
)
TICKS, GAP = rule("tick_size", 0.1), gap(START, START)

# name: what is wrong, words of the message
FRAMES: Table = {
    **{f"no {name}": ({"bars": BARS.drop(name)}, [name]) for name in BARS.columns},
    **{
        f"{name} {value}": ({"bars": put(BARS, name, value)}, [*ROW, name])
        for name in ("open", "high", "low", "close")
        for value in (NAN, INF, 0.0, -1.0, None)
    },
    **{f"volume {value}": ({"bars": put(BARS, "volume", value)}, [*ROW, "volume"]) for value in (NAN, INF, -1.0, None)},
    "high below low": ({"bars": put(BARS, "high", 98.0)}, [*ROW, "high"]),
    "high below close": ({"bars": put(BARS, "high", 99.5)}, [*ROW, "high"]),
    "low above open": ({"bars": put(BARS, "low", 100.5)}, [*ROW, "low"]),
    "text price": ({"bars": typed(BARS, "close", pl.String)}, ["close", "String"]),
    "boolean price": ({"bars": typed(BARS, "close", pl.Boolean)}, ["close", "Boolean"]),
    "unsorted bars": ({"bars": swapped(BARS)}, ["row 5", "B"]),
    "repeated bars": ({"bars": pl.concat([BARS, BARS[7:]])}, ["row 8", "B"]),
    "null symbol": ({"bars": put(BARS, "symbol", None)}, ["row 5", "symbol"]),
    "null ts": ({"bars": put(BARS, "ts", None)}, ["row 5", "ts"]),
    "symbols as a category": ({"bars": typed(BARS, "symbol", pl.Categorical)}, ["symbol", "Categorical"]),
    "ts with a zone": ({"bars": BARS.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))}, ["ts", "UTC"]),
    "ts in ms": ({"bars": typed(BARS, "ts", pl.Datetime("ms"))}, ["ts", "ms"]),
    "ts in ns": ({"bars": typed(BARS, "ts", pl.Datetime("ns"))}, ["ts", "ns"]),
    "ts a date": ({"bars": typed(BARS, "ts", pl.Date)}, ["ts", "Date"]),
    "ts a number": ({"bars": typed(BARS, "ts", pl.Int64)}, ["ts", "Int64"]),
    "ts of a year after 9999": ({"bars": far(BARS), "signals": far(SIGNALS)}, ["ts"]),
    "no bars": ({"bars": BARS.head(0)}, ["bars", "no rows"]),
    "a frame of nothing": ({"bars": pl.DataFrame()}, ["bars", "symbol"]),
    **{f"bars {type(one).__name__}": ({"bars": one}, ["bars"]) for one in (None, [], BARS.lazy(), BARS.to_dict())},
    **{f"signals {type(one).__name__}": ({"signals": one}, ["signals"]) for one in (None, [], SIGNALS.lazy())},
    "signals without ts": ({"signals": SIGNALS.drop("ts")}, ["ts"]),
    "signals without entries": ({"signals": SIGNALS.drop("enter_long")}, ["enter_long"]),
    "unsorted signals": ({"signals": swapped(SIGNALS)}, ["signals row 5", "B"]),
    "repeated signals": ({"signals": pl.concat([SIGNALS, SIGNALS[7:]])}, ["signals row 8", "B"]),
    "signals in ms": ({"signals": typed(SIGNALS, "ts", pl.Datetime("ms"))}, ["signals", "ts"]),
    "signals off the bars": ({"signals": put(SIGNALS, "ts", START + timedelta(minutes=61))}, ["B", "21:01"]),
    "signals of another symbol": ({"signals": put(SIGNALS, "symbol", "C")}, ["C", "21:00"]),
    "misspelt column": ({"signals": SIGNALS.with_columns(entry_short=True)}, ["entry_short", "enter_short"]),
    **{
        f"a target beside {name}": (
            {"signals": SIGNALS.select("symbol", "ts", pl.lit(1.0).alias("target"), pl.lit(None).alias(name))},
            ["target", name],
        )
        for name in ("enter_long", "exit_short", "entry_limit", "entry_stop", "entry_bars", "size")
    },
    "two prices for one entry": (
        {"signals": said("entry_limit", 99.0).with_columns(entry_stop=101.0)}, [*ROW, "entry_limit", "entry_stop"],
    ),
    "0.7 for a boolean": ({"signals": put(SIGNALS, "enter_long", 0.7)}, ["enter_long", "Float64"]),
    "1 for a boolean": ({"signals": typed(SIGNALS, "enter_long", pl.Int64)}, ["enter_long", "Int64"]),
    **{
        f"{name} {value}": ({"signals": said(name, value)}, ["signals", *ROW, name])
        for name in NUMBERS
        for value in (NAN, INF, *((0.0, -1.0) if name in ABOVE_ZERO else ()))
    },
    **{
        f"target {value}": ({"signals": said("target", value).drop("enter_long")}, ["signals", *ROW, "target"])
        for value in (NAN, INF)
    },
    "text level": ({"signals": typed(SIGNALS, "stop_price", pl.String)}, ["stop_price", "String"]),
    "max_bars 0": ({"signals": typed(said("max_bars", 0.0), "max_bars", pl.Int64)}, ["signals", *ROW, "max_bars"]),
    "max_bars a float": ({"signals": said("max_bars", 3.0)}, ["max_bars", "Float64"]),
    "entry_bars 0": ({"signals": typed(said("entry_bars", 0.0), "entry_bars", pl.Int64)}, [*ROW, "entry_bars"]),
    "entry_bars a float": ({"signals": said("entry_bars", 3.0)}, ["entry_bars", "Float64"]),
    "max_bars beyond all counting": (
        {"signals": SIGNALS.with_columns(max_bars=pl.lit(2**63, dtype=pl.UInt64))}, ["max_bars"],
    ),
    "risk without any stop": ({"signals": SIGNALS.drop("stop_price")}, ["risk", "stop"]),
    "inverse contracts": ({"instruments": rule("category", "inverse")}, ["B", "inverse"]),
    "instruments without symbol": ({"instruments": TICKS.drop("symbol")}, ["instruments", "symbol"]),
    "rules twice from one time on": (
        {"instruments": rule("valid_from", START).with_columns(symbol=pl.lit("B"), valid_from=pl.lit(START))}, ["B"],
    ),
    "rules from a text on": ({"instruments": rule("valid_from", "2024-01-01")}, ["valid_from", "String"]),
    "rules that change the category": (
        {"instruments": pl.DataFrame({"symbol": ["B", "B"], "category": ["spot", None], "valid_from": [START, None]})},
        ["B", "category"],
    ),
    "instruments twice": ({"instruments": TICKS.with_columns(symbol=pl.lit("B"))}, ["instruments", "B"]),
    **{
        f"{name} {value!r}": ({"instruments": rule(name, value)}, ["instruments", "B", name])
        for name, values in {
            "tick_size": (0.0, -0.1, INF, "0.1"),
            "qty_step": (0.0, INF),
            "min_qty": (-1.0, "1"),
            "min_notional": (-5.0,),
            "max_leverage": (-1.0, 0.0, INF, "10"),
        }.items()
        for value in values
    },
    "misspelt rule": ({"instruments": rule("ticksize", 0.1)}, ["ticksize", "tick_size"]),
    "instruments a dict": ({"instruments": {"A": {"tick_size": 0.1}}}, ["instruments"]),
    "instruments lazy": ({"instruments": TICKS.lazy()}, ["instruments"]),
    **{
        f"funding without {name}": ({"funding": FUNDING.drop(name)}, ["funding", name])
        for name in ("symbol", "ts", "rate")
    },
    **{
        f"funding {name} {value}": ({"funding": funding(name, value)}, ["funding", "row 1", "B", name])
        for name, values in {"rate": (NAN, INF, None, 1.0), "mark": (NAN, INF, 0.0, -1.0)}.items()
        for value in values
    },
    "funding in text": ({"funding": typed(FUNDING, "rate", pl.String)}, ["funding", "rate", "String"]),
    "funding twice in a minute": (
        {"funding": FUNDING.with_columns(ts=START + pl.duration(seconds=pl.Series([1, 59])), symbol=pl.lit("B"))},
        ["funding", "B", "minute"],
    ),
    "funding with a zone": ({"funding": ZONED}, ["funding", "ts"]),
    "funding a dict": ({"funding": {"rate": 0.1}}, ["funding"]),
    **{f"detail without {name}": ({"detail": BARS.drop(name)}, ["detail", name]) for name in ("symbol", "ts", "low")},
    "detail with a price of nothing": ({"detail": put(BARS, "close", NAN)}, ["detail", *ROW, "close"]),
    "detail with high below close": ({"detail": put(BARS, "high", 99.5)}, ["detail", *ROW, "high"]),
    "detail between the minutes": (
        {"detail": put(BARS, "ts", START + timedelta(minutes=60, seconds=1))}, ["detail", "row 5", "ts", "minute"],
    ),
    "unsorted detail": ({"detail": swapped(BARS)}, ["detail", "row 5", "B"]),
    "repeated detail": ({"detail": pl.concat([BARS, BARS[7:]])}, ["detail", "row 8", "B"]),
    "detail lazy": ({"detail": BARS.lazy()}, ["detail"]),
    "nothing to drill in": ({"execution": bt.Execution(intrabar="drill")}, ["drill", "detail"]),
    "no minute to drill in": (
        {"execution": bt.Execution(intrabar="drill"), "detail": BARS.head(0)}, ["drill", "detail"],
    ),
    "bars closer than their timeframe": ({"timeframe": "4h"}, ["bars", "A", "timeframe"]),
    "a gap that ends before it begins": ({"gaps": gap(START + timedelta(hours=1), START)}, ["gaps", "last"]),
    "bars of two lengths": (
        {"bars": TWO_LENGTHS, "signals": SIGNALS[:1]}, ["bars", "B", "60 min", "1 min", "timeframe"],
    ),
    "rules of a symbol without a name": (
        {"instruments": typed(TICKS.with_columns(symbol=None), "symbol", pl.String)}, ["symbol"],
    ),
    **{
        f"another engine's {name}": ({"signals": SIGNALS.with_columns(pl.lit(95.0).alias(name))}, [name, ours])
        for name, ours in {
            "stoploss": "stop_price", "sl_stop": "stop_", "tp": "take_price", "limit_price": "entry_limit",
        }.items()
    },
    "gaps without last": ({"gaps": GAP.drop("last")}, ["gaps", "last"]),
    "gaps a list": ({"gaps": [("A", START, START)]}, ["gaps"]),
    "gaps lazy": ({"gaps": GAP.lazy()}, ["gaps"]),
    "gaps as text": ({"gaps": gap("2024-01-01", "2024-01-02")}, ["gaps", "first"]),
    "gaps with a zone": ({"gaps": GAP.with_columns(pl.col("first").dt.replace_time_zone("UTC"))}, ["gaps", "first"]),
    "gaps that never begin": ({"gaps": typed(gap(None, START), "first", pl.Datetime("us"))}, ["gaps", "first"]),
    "an account in words": ({"account": "rich"}, ["account"]),
    "costs for an account": ({"account": bt.Costs()}, ["account"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_a_bad_frame_is_refused(name: str) -> None:
    wrong, words = FRAMES[name]
    given = {"bars": BARS, "signals": SIGNALS} | wrong
    with pytest.raises(bt.BtError) as refusal:
        bt.simulate(given.pop("bars"), given.pop("signals"), **given)
    assert [word for word in words if word not in str(refusal.value)] == []
