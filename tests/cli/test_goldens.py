"""What the commands print on a terminal of 80 columns and through a pipe, letter by letter.

Ids, times and durations are made alike. `GOLDENS=write pytest tests/cli/test_goldens.py` writes the files anew: read
the difference before it is kept.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from bt import cli
from bt.exchange import Exchange, Options
from tests.ingest.serving import FREE, NOW, between, candles, in_a_thread, listing, market, milliseconds

Captured = pytest.CaptureFixture[str]
GOLDENS = Path(__file__).parent / "goldens"
SPACE = "-p fast=5,10,20 -p slow=30,60 --min-trades 3"
BOTH = "-s ALPHAUSDT,BETAUSDT -t 1h"
ODD = "run ema_cross -s ALPHAUSDT -t 15m -p fast=3 -p slow=8"
SCENES = [  # commands one after the other in one workspace: name, line, exit code
    [
        ("run", f"run ema_cross {BOTH} -p fast=5 -p slow=20 --size 20% --stop 2% --take 3%", 0),
        ("replay", "replay latest", 0),
        ("by_symbol", "show latest --by symbol", 0),
        ("by_month", "show latest --by month", 0),
        ("by_exit", "show latest --by exit", 0),
        ("by_weekday", "show latest --by weekday", 0),
        ("best", "trades latest --best 3", 0),
        ("other", f"run ema_cross {BOTH} -p fast=5 -p slow=20 --size 20% --stop 2% --take 3% --taker 0.1%", 0),
        ("diff", "diff latest~1 latest", 1),
        ("check", "check", 1),
    ],
    [
        ("run_ruined", f"{ODD} --sizing notional --size 5000 --cash 1000 --leverage 50 --margin cross --taker 5%", 0),
        ("run_nothing", f"{ODD} --size 5% --from 2024-01-01 --to 2024-01-01T00:45", 0),
        ("run_a_day", f"{ODD} --from 2024-01-05 --to 2024-01-06", 0),
        ("run_wide", f"{ODD} --cash 1e13 --size 90%", 0),
    ],
    [
        ("sweep", f"sweep ema_cross {BOTH} {SPACE}", 0),
        ("walk", f"walk ema_cross {BOTH} {SPACE} --train 8d --test 4d", 0),
    ],
]
PIPED = {"run", "diff", "check", "run_wide", "sweep", "walk"}
ALIKE = [  # what differs from one call to the next, and how long it is
    (r"\b[0-9a-f]{12}\.\d+\b", lambda found: "0123456789ab.1"),
    (r"(?<= of )\d{4}-\d\d-\d\d \d\d:\d\d(?= )", lambda found: "2026-01-01 00:00"),
    (r"(?<=^took ).*$", lambda found: re.sub(r"\d+\.\d\d", "0.00", found[0])),
    (r"^[\d,]+ of [\d,]+( sets)?(, [\d.,]+ a second.*)?\n", lambda found: ""),  # at most one a second
    (r"(?<= in )\d+\.\d s · \d+ requests?, \d+ retried", lambda found: "0.0 s · 9 requests, 0 retried"),
]


def printed(line: str, capsys: Captured) -> tuple[int, str]:
    """Give the exit code and all that was printed, stderr after stdout."""
    capsys.readouterr()
    code = cli.run(line.split())
    captured = capsys.readouterr()
    return code, made_alike(captured.out + "--- stderr\n" + captured.err)


def made_alike(text: str) -> str:
    for pattern, alike in ALIKE:
        text = re.sub(pattern, alike, text, flags=re.MULTILINE)
    return text


def hold(text: str, name: str, screen: str) -> None:
    """Hold a text against its golden file."""
    file = GOLDENS / f"{name}.{screen}.txt"
    if os.environ.get("GOLDENS") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stdout be a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene[0][0])
def test_what_is_printed(
    workspace: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, scene: list[tuple[str, str, int]]
) -> None:
    """On a screen first, then through a pipe, where the same runs are recognised."""
    for name, line, expected in scene:
        with monkeypatch.context() as screen:
            narrow(screen)
            code, text = printed(line, capsys)
        out = text.partition("--- stderr")[0].splitlines()
        assert (code, [each for each in out if cell_len(each) > 80]) == (expected, [])
        hold(text, name, "80")
        if name in PIPED:
            code, text = printed(line, capsys)
            assert code == expected
            hold(text, name, "piped")


@pytest.mark.parametrize("screen", ["80", "piped"])
def test_what_ingest_prints(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, screen: str) -> None:
    rows = candles()
    stand_in = Exchange(
        market(listing("ALPHAUSDT", rows), listing("1000ALPHAUSDT", between(rows, 0, 600))),
        Options(limits=FREE, pace=0.001), now=lambda: milliseconds(NOW), tick=time.monotonic,
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if screen == "80":
        narrow(monkeypatch)
    line = "ingest ALPHAUSDT 1000ALPHAUSDT --from 2024-01-01 --to 2024-01-02"
    with in_a_thread(stand_in) as url:
        monkeypatch.setenv("BT_BYBIT_URL", url)
        assert cli.run(line.split()) == 0
    captured = capsys.readouterr()
    hold(made_alike(captured.out + "--- stderr\n" + captured.err.splitlines()[-1] + "\n"), "ingest", screen)


@pytest.mark.parametrize("name", ["run", "walk", "run_wide"])
def test_a_pipe_gets_the_same_figures_as_a_screen(name: str) -> None:
    def figures(screen: str) -> list[str]:
        text = (GOLDENS / f"{name}.{screen}.txt").read_text(encoding="utf-8").partition("--- stderr")[0]
        return sorted(re.findall(r"[-+]?[\d,]+\.\d+", text))

    assert figures("80") == figures("piped")
    assert len(figures("80")) > 20
