"""What people see: aligned, whole, inert; and what programs read."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from bt.errors import BtError
from bt.output import emit, run_panel, sparkline, table, warning_lines
from bt.output.narration import Narrator
from bt.output.tables import text

FRAME = pl.DataFrame(
    {
        "name": ["a", "long name", None],
        "value": [1.5, -1234567.891, None],
        "count": [1, 22, 333],
        "when": [datetime(2024, 1, 1), datetime(2024, 1, 2, 3, 4), None],
    }
)
WIDE = """\
name              value  count  when
────────────────────────────────────────────────
a                   1.5      1  2024-01-01 00:00
long name  -1234567.891     22  2024-01-02 03:04
–                     –    333  –
"""
NARROW = """\
── 1
name   a
value  1.5
count  1
when   2024-01-01 00:00
"""
PANEL = """\
╭──────────── mine · BTCUSDT · 1h · 2024-01-01 → 2024-12-31 · USDT ────────────╮
│ Return                                Risk                                   │
│ ───────────────────────────────────   ────────────────────────────────────── │
│ Net profit                +3,421.07   Max drawdown                  -12.80 % │
│ Total return               +34.21 %     longest                         61 d │
│ CAGR                       +15.85 %   Sharpe / Sortino           1.42 / 2.05 │
│ Buy & hold                        –   Calmar                            1.24 │
│ Time in market               41.3 %   Worst day                      -3.11 % │
│ Trades                                Costs                                  │
│ ───────────────────────────────────   ────────────────────────────────────── │
│ Trades  long/short      187  109/78   Fees                            612.44 │
│ Win rate                     46.5 %   Slippage                        101.20 │
│ Profit factor                  1.38   Funding                         -48.03 │
│ Expectancy           +18.29  0.21 R   Costs / gross profit            16.4 % │
│ Avg win / loss     +142.60 / -89.90   Break-even slippage             9.1 bp │
╰───────────────────────────── run abc.1 · saved ──────────────────────────────╯"""

RUN = {
    "strategy": "mine", "symbols": "BTCUSDT", "timeframe": "1h", "quote": "USDT", "run_id": "abc.1",
    "first_ts": datetime(2024, 1, 1), "end_ts": datetime(2024, 12, 31),
}  # fmt: skip
METRICS = {
    "net_profit": 3421.07, "total_return": 0.3421, "cagr": 0.1585, "buy_hold": None, "time_in_market": 0.413,
    "max_drawdown": -0.128, "longest_drawdown_days": 61, "sharpe": 1.42, "sortino": 2.05, "calmar": 1.24,
    "worst_day": -0.0311, "trades": 187, "longs": 109, "shorts": 78, "win_rate": 0.465, "profit_factor": 1.38,
    "expectancy": 18.29, "expectancy_r": 0.21, "avg_win": 142.6, "avg_loss": -89.9, "fees": 612.44, "slippage": 101.2,
    "funding": -48.03, "costs_to_gross_profit": 0.164, "break_even_slippage": 0.00091,
}  # fmt: skip


def test_numbers_are_right_aligned_and_whole() -> None:
    assert table(FRAME, 80) == WIDE


def test_a_narrow_screen_gets_one_row_below_the_other() -> None:
    assert table(FRAME, 40).startswith(NARROW)


def test_decimals_can_be_fixed_and_zero_has_no_sign() -> None:
    frame = pl.DataFrame({"x": [-0.001, 1234.5, None]})
    assert table(frame, 80, {"x": 2}).split() == ["x", "─" * 8, "0.00", "1,234.50", "–"]


def test_the_panel_has_eighty_columns() -> None:
    assert run_panel(RUN, METRICS) == PANEL


def test_the_panel_tells_liquidations_and_the_envelope_where_there_are_any() -> None:
    run = RUN | {"ambiguous": 12, "adverse_equity": 12_345.678, "favourable_equity": 13_579.0}
    drawn = run_panel(run, METRICS | {"liquidations": 3, "ambiguous_share": 12 / 187, "funding": 48.03}).splitlines()
    assert drawn[:12] == PANEL.splitlines()[:12]
    assert drawn[12:] == [
        "│ Profit factor                  1.38   Funding                         +48.03 │",
        *PANEL.splitlines()[13:15],
        "│ Liquidations                      3   Ambiguous exits              12  6.4 % │",
        "│                                         equity, stop first         12,345.68 │",
        "│                                         equity, target first       13,579.00 │",
        PANEL.splitlines()[15],
    ]
    assert run_panel(run | {"adverse_equity": None}, METRICS | {"liquidations": 0}) == PANEL


def test_the_panel_grows_rather_than_cut_a_number() -> None:
    drawn = run_panel(RUN, METRICS | {"net_profit": -123456789012345678.9, "avg_win": 1e15, "avg_loss": -1e15})
    assert "-123,456,789,012,345,680.00" in drawn
    assert "+1,000,000,000,000,000.00 / -1,000,000,000,000,000.00" in drawn
    assert len({len(line) for line in drawn.splitlines()}) == 1


def test_undefined_metrics_are_a_dash() -> None:
    names = set(METRICS) - {"trades", "longs", "shorts", "longest_drawdown_days"}
    drawn = run_panel(RUN, METRICS | dict.fromkeys(names))
    assert not {"nan", "inf", "None"} & set(drawn.replace("│", " ").split())
    assert drawn.count("–") >= len(names)


def test_warnings_are_marked_and_broken_between_words_only() -> None:
    said = ["short", "a long one that goes on from 2024-01-01 08:00 to the end"]
    assert warning_lines(said, 30) == ["! short", "! a long one that goes on from\n  2024-01-01 08:00 to the end"]
    assert warning_lines(said) == ["! short", f"! {said[1]}"]  # no terminal, no bound
    assert warning_lines(["\x1b[31m"]) == ["! �[31m"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], ""), ([1.0], ""), ([1.0, 2.0], "▁█"), ([2.0, 2.0], "▁▁"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█")],
)
def test_sparklines(values: list[float], expected: str) -> None:
    assert sparkline(values) == expected


def test_a_sparkline_ends_with_the_last_value() -> None:
    assert sparkline([0.0] * 999 + [1.0])[-1] == "█"
    assert len(sparkline([0.0] * 999 + [1.0])) == 60


def test_formats_hold_the_same_rows() -> None:
    assert json.loads(text(FRAME, "json"))[1] == {
        "name": "long name", "value": -1234567.891, "count": 22, "when": "2024-01-02T03:04:00",
    }  # fmt: skip
    assert [json.loads(line)["count"] for line in text(FRAME, "jsonl").splitlines()] == [1, 22, 333]
    assert text(FRAME, "csv").splitlines()[2] == "long name,-1234567.891,22,2024-01-02T03:04:00.000000"
    assert text(FRAME, "md").splitlines()[1] == "| --- | ---: | ---: | --- |"


def test_undefined_numbers_are_null_in_json() -> None:
    frame = pl.DataFrame({"x": [float("nan"), float("inf"), None], "day": [date(2024, 1, 1)] * 3})
    assert [row["x"] for row in json.loads(text(frame, "json"))] == [None, None, None]
    assert json.loads(text(frame, "json"))[0]["day"] == "2024-01-01"


def test_what_could_steer_a_terminal_is_replaced() -> None:
    frame = pl.DataFrame({"a\x1b[31m": ["\x1b]0;title\x07", "line\nbreak", "rtl\u202e"]})
    assert not {"\x1b", "\x07", "\u202e"} & set(table(frame, 80))
    assert len(table(frame, 80).splitlines()) == 5


def test_files_are_written_once(tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    emit(FRAME, "parquet", out)
    assert pl.read_parquet(out).equals(FRAME)
    with pytest.raises(BtError, match="exists already"):
        emit(FRAME, "csv", out)
    with pytest.raises(BtError, match="cannot write"):
        emit(FRAME, "csv", tmp_path / "no" / "where.csv")
    with pytest.raises(BtError, match="there is no format"):
        emit(FRAME, "xml")


def test_narration_goes_to_stderr_in_the_form_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("plain", "json", "none"):
        narrator = Narrator(mode)
        narrator.stage("data")
        narrator.say("hello")
        narrator.refused("worse", "leave it")
        narrator.failed("bad", "mend it", 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "hello",
        "error: worse",
        "  try: leave it",
        "error: bad",
        "  try: mend it",
        '{"event": "stage", "name": "data", "index": null, "of": null}',
        '{"event": "log", "level": "info", "text": "hello", "cure": null}',
        '{"event": "log", "level": "error", "text": "worse", "cure": "leave it"}',
        '{"event": "error", "code": 2, "what": "bad", "cure": "mend it"}',
        "error: worse",
        "  try: leave it",
        "error: bad",
        "  try: mend it",
    ]
    with pytest.raises(BtError, match="progress mode"):
        Narrator("loud")
