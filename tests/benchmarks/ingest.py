"""How fast `bt ingest` is: against a stand-in without latency, against Bybit's limit, and beside ccxt's loop.

Run on demand: `python tests/benchmarks/ingest.py`; the stand-in (`bt exchange`) and each client are processes of their
own. ccxt (measured where it is installed: its dependencies would narrow ours) asks one page after the other, as its
manual shows, at the pace it keeps by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from bt.seeded import START, SYMBOLS

BT = (sys.executable, "-m", "bt")
ALLOWED = 600  # requests in 5 s


@contextmanager
def exchange(*options: str) -> Iterator[str]:
    """Run a stand-in; give its address, and print what it counted."""
    command = [*BT, "exchange", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process.stderr.readline().split()[-1]
        process.terminate()
        print(f"  {process.stderr.read().strip()}; Bybit allows {ALLOWED}")


def ingest(folder: str, address: str, names: list[str], *options: str) -> dict[str, float]:
    """Ingest into a new warehouse; give what it tells at the end, and its peak memory."""
    command = [*BT, "ingest", *names, "--from", f"{START:%Y-%m-%d}", "--base-url", address, "--progress", "json"]
    database = Path(folder) / f"{time.monotonic_ns()}.duckdb"
    subprocess.run([*BT, "init", folder], capture_output=True, check=True)
    process = subprocess.Popen(
        [*command, "--db", str(database), *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    told = [json.loads(line) | {"heard": time.monotonic()} for line in process.stderr]
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, told
    [began] = [event["heard"] for event in told if event.get("name") == "downloading"]
    done = told[-1]["counts"] | {"seconds": told[-1]["heard"] - began}
    size = database.stat().st_size / done["candles"]
    return done | {"memory": usage.ru_maxrss / 1024, "bytes": size}


def report(what: str, done: dict[str, float]) -> None:
    candles, seconds = done["candles"], done["seconds"]
    print(f"{what}: {candles:,} candles in {seconds:.1f} s, {candles / seconds:,.0f} a second;", end=" ")
    print(
        f"{done['requests']:,} requests, peak {done['memory']:.0f} MB, {done['bytes']:.1f} bytes a candle", flush=True
    )


def ccxt_loop(address: str, pages: int) -> None:
    """Print how long ccxt's loop takes for some pages, in this process."""
    import ccxt

    client = ccxt.bybit({"options": {"defaultType": "swap"}})
    client.urls["api"] = dict.fromkeys(client.urls["api"], address)
    client.markets_by_id, client.markets = {}, {}
    market = client.safe_market_structure(
        {"id": "ALPHAUSDT", "symbol": "ALPHA/USDT:USDT", "base": "ALPHA", "quote": "USDT", "settle": "USDT"}
        | {"type": "swap", "swap": True, "linear": True, "contract": True, "spot": False, "active": True}
    )
    client.set_markets([market])
    since = int(START.timestamp() * 1000) + (START.astimezone().utcoffset() or START - START).seconds * 1000
    began, rows = time.monotonic(), 0
    for _ in range(pages):
        candles = client.fetch_ohlcv("ALPHA/USDT:USDT", "1m", since=since, limit=1000)
        rows += len(candles)
        since = candles[-1][0] + 60_000
    print(json.dumps({"candles": rows, "seconds": time.monotonic() - began}))


def ccxt(address: str, pages: int = 100) -> float:
    """Give ccxt's candles a second."""
    command = [sys.executable, __file__, "--ccxt", address, str(pages)]
    done = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    pace: float = done["candles"] / done["seconds"]
    print(f"ccxt: {done['candles']:,} candles in {done['seconds']:.1f} s, {pace:,.0f} a second")
    return pace


def main() -> None:
    if sys.argv[1:2] == ["--ccxt"]:
        ccxt_loop(sys.argv[2], int(sys.argv[3]))
        return
    names = list(SYMBOLS)
    with tempfile.TemporaryDirectory() as folder:
        with exchange("--rate", "0") as address:
            for _ in range(3):
                report("no latency, no limit", ingest(folder, address, names, "--rate", "100000"))
        with exchange() as address:
            report("no latency, Bybit's limit", ingest(folder, address, names))
        with exchange("--latency", "100") as address:
            done = ingest(folder, address, names)
            report("100 ms latency, Bybit's limit", done)
            if find_spec("ccxt"):
                theirs = ccxt(address)
                print(f"  bt is {done['candles'] / done['seconds'] / theirs:.1f} x as fast as ccxt's loop")


if __name__ == "__main__":
    main()
