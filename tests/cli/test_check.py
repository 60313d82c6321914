"""`bt check` at the command line: what it says of symbols and of files, and that the commands it names mend it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import polars as pl
import pytest

from bt import cli, seeded, symbols
from bt.exchange import Exchange, Options
from bt.ingest import import_file
from bt.warehouse import Warehouse
from tests.ingest.serving import DAYS, FREE, NOW, START, candles, holed, in_a_thread, listing, market, milliseconds

Captured = pytest.CaptureFixture[str]
Row = dict[str, object]
FILE = Path("bt.duckdb")
MINUTE = timedelta(minutes=1)
PRICES = ("open", "high", "low", "close")
TRUE = candles()  # of ALPHAUSDT, three days


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a warehouse of sound candles and their funding."""
    folder = tmp_path_factory.mktemp("sound")
    TRUE.write_parquet(folder / "candles.parquet")
    seeded.funding("ALPHAUSDT", days=DAYS).write_parquet(folder / "funding.parquet")
    warehouse = Warehouse(folder / FILE)
    for kind in ("candles", "funding"):
        import_file(warehouse, folder / f"{kind}.parquet", symbol=symbols.parse("ALPHAUSDT"), kind=kind)
    return folder / FILE


@pytest.fixture
def warehouse(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Give a copy of it in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_DB", str(FILE))
    shutil.copy(sound, FILE)
    return Warehouse(FILE)


@pytest.fixture
def check(capsys: Captured) -> Callable[..., tuple[int, list[Row]]]:
    def run(*arguments: str) -> tuple[int, list[Row]]:
        capsys.readouterr()
        code = cli.run(["check", *arguments, "--format", "json", "-q"])
        return code, json.loads(capsys.readouterr().out)

    return run


def at(minute: float) -> str:
    return f"{START + minute * MINUTE}"


def named(rows: list[Row]) -> list[tuple[object, object]]:
    return [(row["finding"], row["found"]) for row in rows]


def do(commands: str) -> list[int]:
    """Run commands as a shell would: each only where the one before went well."""
    codes = []
    for command in commands.split(" && "):
        program, *arguments = shlex.split(command)
        assert program == "bt"
        codes.append(cli.run([*arguments, "-q"]))
    return codes


AN_HOUR = f"where ts between '{at(2000)}' and '{at(2080)}'"
DAMAGE = {
    "a gap": (f"delete from candles where ts between '{at(100)}' and '{at(150)}'", "gap", 1),
    "an impossible candle": (f"update candles set high = 1 where ts = '{at(2000)}'", "impossible", 1),
    "a spike": (f"update candles set high = 9 * high where ts = '{at(2000)}'", "spike", 1),
    "a jump": (
        f"update candles set open = 0.8 * open, low = 0.8 * low where ts = '{at(2000)}'",
        "jump",
        1,
    ),
    "a broken seam": (f"update candles set open = (high + low) / 2 where ts = '{at(2000)}'", "seam", 1),
    "an hour at one price": (
        f"update candles set {', '.join(f'{name} = 3e4' for name in PRICES)} {AN_HOUR}",
        "stuck",
        1,
    ),
    "a hole in funding": (f"delete from funding where ts = '{at(1440)}'", "funding_hole", 1),
    "twins": (f"insert into candles from candles where ts = '{at(700)}'", "duplicate", 1),
    "a candle between two minutes": (
        f"update candles set ts = ts + interval 20 second where ts = '{at(4319)}'",
        "off_minute",
        1,
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", DAMAGE)
def test_the_command_it_names_mends_it(
    name: str, warehouse: Warehouse, check: Callable[..., tuple[int, list[Row]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    damage, finding, found = DAMAGE[name]
    with warehouse.write() as connection:
        connection.execute(damage)
    code, rows = check("ALPHAUSDT", "--strict")
    [row] = [row for row in rows if row["finding"] == finding]
    assert (code, row["found"]) == (1, found)

    there = Exchange(
        market(listing("ALPHAUSDT", TRUE, seeded.funding("ALPHAUSDT", days=DAYS))),
        Options(limits=FREE, pace=0.001),
        now=lambda: milliseconds(NOW),
        tick=time.monotonic,
    )
    with in_a_thread(there) as url:
        monkeypatch.setenv("BT_BYBIT_URL", url)
        codes = do(str(row["cure"]))
    assert set(codes) <= {0, 1}  # an import that leaves rows out ends with 1
    db = "clean.duckdb" if "clean.duckdb" in str(row["cure"]) else str(FILE)
    assert check("ALPHAUSDT", "--strict", "--db", db) == (0, [])


@pytest.mark.long
def test_severities_decide_the_exit_code(
    warehouse: Warehouse, check: Callable[..., tuple[int, list[Row]]], capsys: Captured
) -> None:
    """Warnings count with --strict only, notes never."""
    assert check("--strict") == (0, [])
    with warehouse.write() as connection:
        connection.execute(f"update candles set volume = 0 where ts = '{at(5)}'")
    assert [check("--strict")[0], check()[0]] == [0, 0]
    with warehouse.write() as connection:
        connection.execute(f"update candles set high = 9 * high where ts = '{at(2000)}'")
    code, rows = check("--strict")
    assert (code, check()[0]) == (1, 0)
    assert [(row["finding"], row["severity"]) for row in rows] == [("spike", "warning"), ("zero_volume", "note")]

    assert cli.run(["check", "ALPHAUSDT"]) == 0
    captured = capsys.readouterr()
    assert max(map(len, captured.out.splitlines())) <= 80
    assert "; try: bt ingest ALPHAUSDT --from 2024-01-02 --to 2024-01-03 --replace" in captured.err
    assert captured.err.endswith("sound: 0 errors, 1 warning\n")


def write(frame: pl.DataFrame, name: str = "file.csv", symbol: str | None = "ALPHAUSDT") -> str:
    frame = frame.with_columns(symbol=pl.lit(symbol)) if symbol else frame
    frame.write_csv(name, datetime_format="%Y-%m-%d %H:%M:%S%.3f")
    return name


def shifted(**by: float) -> pl.DataFrame:
    return TRUE.with_columns(pl.col("ts") + timedelta(**by))


def cut(last: int, **values: object) -> pl.DataFrame:
    """Give the first candles, the last one with other values."""
    return pl.concat([TRUE.head(last), TRUE.slice(last, 1).with_columns(**values)])


LAST = {"close": pl.col("open"), "volume": pl.lit(0.125)}
FIFTH = pl.when(pl.int_range(pl.len()) == 5)

# a file, and what is found: finding, severity, found, a part of the detail, what mends it
FILES: dict[str, tuple[Callable[[], pl.DataFrame], list[tuple[str, str, int, str, str]]]] = {
    "what is stored": (lambda: TRUE, []),
    "a gap": (
        lambda: holed(TRUE, 200, 30),
        [("gap", "error", 1, "30 minutes", "bt ingest ALPHAUSDT --from 2024-01-01 --to 2024-01-02")],
    ),
    "another clock": (
        lambda: shifted(hours=9),
        [
            (
                "other_clock", "error", 4320, "equal the stored ones 9h earlier (ALPHAUSDT): its times are not UTC",
                "bt import file.csv --symbol ALPHAUSDT --tz Asia/Seoul",
            )
        ],
    ),
    "half an hour": (
        lambda: shifted(hours=-3, minutes=-30),
        [("other_clock", "error", 4320, "equal the stored ones 210m later", "--tz AREA/CITY")],
    ),
    "a last candle cut off": (
        lambda: cut(1000, **LAST),
        [("unfinished", "warning", 1, "probably taken before its minute was over", "")],
    ),
    "one that differs": (
        lambda: TRUE.with_columns(volume=FIFTH.then(7.5).otherwise("volume")),
        [
            (
                "contradicted", "warning", 1, "first: 2024-01-01 00:05 has volume 7.5, stored of ALPHAUSDT",
                "bt import file.csv --symbol ALPHAUSDT --replace",
            )
        ],
    ),
    "off the minute": (
        lambda: TRUE.with_columns(ts=FIFTH.then(pl.col("ts") + timedelta(seconds=20.8)).otherwise("ts")),
        [
            (
                "off_minute", "error", 1,
                "1 row 20.8s off the minute; with them 0 gaps of 0 minutes, the longest 0, and 0 minutes without",
                "bt import file.csv --symbol ALPHAUSDT --skip-bad",
            ),
            ("gap", "error", 1, "1 minutes", "bt ingest ALPHAUSDT --from 2024-01-01 --to 2024-01-02"),
        ],
    ),
    "a duplicate": (
        lambda: pl.concat([TRUE, TRUE.tail(1)]),
        [("duplicate", "error", 1, "row 4321", "bt import file.csv --symbol ALPHAUSDT --skip-bad")],
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_files_beside_the_stored_candles(
    name: str, warehouse: Warehouse, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    frame, expected = FILES[name]
    code, rows = check(write(frame()))
    assert [(row["finding"], row["severity"], row["found"]) for row in rows] == [one[:3] for one in expected]
    for row, (*_, detail, cure) in zip(rows, expected, strict=True):
        assert row["symbol"] == "file.csv"
        assert detail in str(row["detail"])
        assert str(row["cure"]).endswith(cure)
        assert cure or not row["cure"]
    assert code == any(one[1] == "error" for one in expected)


def dearer(share: float) -> pl.DataFrame:
    """Raise the prices of this share of the candles."""
    is_dearer = pl.int_range(pl.len()) % 100 < 100 * share
    return TRUE.with_columns(pl.when(is_dearer).then(pl.col(name) * 1.01).otherwise(name) for name in PRICES)


TO_REPLACE = "bt import file.csv --symbol ALPHAUSDT --replace"
# a file that is said to be of ALPHAUSDT; what is found: finding, severity, found, a part of the detail, what mends it
SAID_TO_BE: dict[str, tuple[Callable[[], pl.DataFrame], list[tuple[str, str, int, str, str]]]] = {
    "the same": (lambda: TRUE, []),
    "one candle": (lambda: dearer(0).head(1), []),
    "a third differs": (
        lambda: dearer(0.33),
        [("contradicted", "warning", 1439, "first: 2024-01-01 00:00 has close", TO_REPLACE)],
    ),
    "most differ": (
        lambda: dearer(0.75),
        [("contradicted", "error", 3245, " candles compared equal the stored ones (ALPHAUSDT): another market?", "")],
    ),
    "all differ": (lambda: dearer(1), [("contradicted", "error", 4320, "0 of 2,1", "")]),
    "of other times": (lambda: shifted(days=300), []),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SAID_TO_BE)
def test_a_file_is_held_against_the_symbol_that_was_named(
    name: str, warehouse: Warehouse, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    frame, expected = SAID_TO_BE[name]
    code, found = check(write(frame(), symbol=None), "-s", "ALPHAUSDT")
    found = [row for row in found if row["finding"] != "seam"]  # where dearer candles begin
    assert [(row["finding"], row["severity"], row["found"]) for row in found] == [one[:3] for one in expected]
    for row, (*_, detail, cure) in zip(found, expected, strict=True):
        assert detail in str(row["detail"])
        assert row["cure"] == cure
    assert code == any(one[1] == "error" for one in expected)


def test_the_zone_it_names_is_right(warehouse: Warehouse, check: Callable[..., tuple[int, list[Row]]]) -> None:
    file = write(shifted(hours=9))
    _, [row] = check(file)
    cure = str(row["cure"])
    assert do(cure) == [0]
    assert warehouse.query("select count(*), max(ts) from candles").rows() == [(4320, START + 4319 * MINUTE)]
    assert check(file, "--tz", "Asia/Seoul") == (0, [])


def test_a_file_is_judged_without_a_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    """Then nobody knows which symbol it is: it must be said, or is left open in the command."""
    monkeypatch.chdir(tmp_path)
    file = write(TRUE.with_columns(high=FIFTH.then(1.0).otherwise("high")))
    code, rows = check(file)
    assert (code, named(rows)) == (1, [("impossible", 1), ("gap", 1)])
    assert [row["cure"] for row in rows] == ["bt import file.csv --symbol SYMBOL --skip-bad", ""]
    _, rows = check(file, "-s", "spot:ALPHAUSDT")
    assert [row["cure"] for row in rows] == [
        "bt import file.csv --symbol spot:ALPHAUSDT --skip-bad",
        "bt ingest spot:ALPHAUSDT --from 2024-01-01 --to 2024-01-02",
    ]
    assert check(write(shifted(hours=9)))[0] == 0  # only stored candles could tell
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.csv"]


def test_a_file_written_before_its_last_candle_was_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(TRUE.head(1000))
    last = (START + 999 * MINUTE).replace(tzinfo=UTC).timestamp()
    for seconds, expected in ((-1, []), (59, [("unfinished", 1)]), (60, [])):
        os.utime(file, (last + seconds, last + seconds))
        assert named(check(file)[1]) == expected


def of_5_minutes(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by_dynamic("ts", every="5m").agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
    )


def test_files_of_another_timeframe_are_judged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    monkeypatch.chdir(tmp_path)
    bars = of_5_minutes(TRUE)
    assert named(check(write(bars))[1]) == [("timeframe", 864)]
    damaged = pl.concat([bars.head(100), bars.slice(103, 97), bars.slice(203)])
    damaged = damaged.with_columns(low=FIFTH.then(-1.0).otherwise("low"))
    code, rows = check(write(damaged))
    assert code == 1
    assert [(row["finding"], row["found"], row["first"], row["last"]) for row in rows] == [
        ("impossible", 1, "2024-01-01T00:25:00", "2024-01-01T00:25:00"),
        ("gap", 3, "2024-01-01T00:25:00", "2024-01-01T16:50:00"),
        ("timeframe", 857, "2024-01-01T00:00:00", "2024-01-03T23:55:00"),
    ]
    assert rows[1]["detail"] == "7 5m candles missing, the longest run 3 from 2024-01-01 08:20"
    marks = write(bars.with_columns(volume=pl.lit(None, pl.Float64)))
    assert named(check(marks)[1]) == [("zero_volume", 864), ("timeframe", 864)]


def test_funding_is_known_by_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[..., tuple[int, list[Row]]]
) -> None:
    monkeypatch.chdir(tmp_path)
    rates = seeded.funding("ALPHAUSDT", days=10)
    assert check(write(rates)) == (0, [])
    file = write(pl.concat([rates.head(10), rates.slice(15)]))
    _, [row] = check(file, "-s", "ALPHAUSDT")
    assert (row["finding"], row["found"], row["detail"]) == ("funding_hole", 1, "up to 48 hours without a funding rate")
    assert row["cure"] == "bt ingest ALPHAUSDT --from 2024-01-04 --to 2024-01-06"
    assert check(file, "--strict")[0] == 1


REFUSED = {
    "a missing file": (["none.csv"], "there is no file"),
    "an unknown kind": (["file.csv", "--kind", "trades"], "unknown kind 'trades'"),
    "an unknown symbol": (["NOPEUSDT"], "there are no candles of NOPEUSDT"),
    "no symbol at all": (["file.csv", "-s", "?"], "not a symbol: '?'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_checked_is_refused(name: str, warehouse: Warehouse, capsys: Captured) -> None:
    arguments, what = REFUSED[name]
    write(TRUE.head(100))
    assert cli.run(["check", *arguments]) == 2
    assert f"error: {what}" in capsys.readouterr().err


def test_a_broken_warehouse_does_not_keep_a_file_from_being_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_bytes(b"not a database" * 1000)
    assert cli.run(["check", write(TRUE), "--db", str(FILE)]) == 0
    assert "not compared with stored candles: " in capsys.readouterr().err


def test_an_empty_warehouse_has_nothing_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["init", str(tmp_path / "new"), "-q"]) == 0
    monkeypatch.chdir(tmp_path / "new")
    assert cli.run(["check"]) == 2
    assert "there is nothing to check: no candles yet" in capsys.readouterr().err
