"""Commands that speak with the exchange: ingest and symbols."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt.cli import awaited, shared
from bt.cli.asking import OutputOptions, taking
from bt.cli.compacting import put_in_order
from bt.errors import BtError, ExitCode, hint
from bt.output import Done
from bt.timeframes import moment
from bt.wording import counted

if TYPE_CHECKING:
    from bt.bybit import Bybit
    from bt.ingest.download import Brought
    from bt.symbols import Symbol
    from bt.warehouse import Warehouse

_MOST = 120  # requests a second: 600 in 5 s
_SKEW = 5.0  # s that clocks may differ without a word

Url = Annotated[
    str | None, typer.Option("--base-url", help="Address of the exchange (env BT_BYBIT_URL).", metavar="URL")
]
Rate = Annotated[
    float | None, typer.Option("--rate", help="Requests a second at most; 109 where none is given.", min=0.1)
]


@taking(OutputOptions)
def ingest(
    asked: OutputOptions,
    symbols: Annotated[list[str], typer.Argument(help="BTCUSDT, spot:BTCUSDT, inverse:BTCUSD …", metavar="SYMBOL…")],
    first: Annotated[str, typer.Option("--from", help="ISO date, or 90d, 2y, ytd; UTC.", metavar="WHEN")] = "2y",
    end: Annotated[str, typer.Option("--to", help="End, exclusive, likewise.", metavar="WHEN")] = "now",
    funding: Annotated[bool, typer.Option("--funding/--no-funding", help="Funding rates of perpetuals.")] = True,
    repair: Annotated[bool, typer.Option("--repair", help="Ask again for what the exchange did not have.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Ask again for everything; the exchange's candles win.")
    ] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write a CSV per symbol here, too.", metavar="DIR")] = None,
    rate: Rate = None,
    base_url: Url = None,
) -> Done:
    """Bring 1-minute candles and funding from Bybit; only what is missing is asked for."""
    from bt import symbols as names

    wanted = names.parse_many(symbols)
    for symbol in wanted:
        if symbol.exchange != "bybit":
            raise BtError(
                f"{symbol} is not of Bybit", f"bt import FILE… -s {symbol} takes what {symbol.exchange} offers"
            )
    if not wanted:
        raise BtError("no symbol is given", "bt ingest BTCUSDT ETHUSDT")
    call = asked.session()
    _check_span(call, first, end)  # refused before anything is asked or made
    wish = {"first": first, "end": end, "funding": funding, "repair": repair, "replace": replace}
    client = client_of(call, base_url, rate)
    if csv is not None:
        _make(csv)
    warehouse = call.warehouse(create=True)
    brought = bring_in(call, warehouse, client, wanted, wish)
    put_in_order(call, warehouse)
    files = _write_csv(call, warehouse, brought, csv) if csv is not None else []
    _print(brought, asked.form, asked.out)
    return Done(code=_code(brought, replace=replace), files=tuple(map(str, files)), counts=_counts(client, brought))


@taking(OutputOptions)
def symbols(
    asked: OutputOptions,
    text: Annotated[str, typer.Argument(help="Part of a symbol, or a currency.", metavar="[TEXT]")] = "",
    category: Annotated[str | None, typer.Option("--category", help="linear, spot or inverse.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the exchange anew.")] = False,
    base_url: Url = None,
) -> int:
    """Find symbols and their trading rules; after the first call without the network."""
    from bt.ingest import listing
    from bt.output import emit

    if category is not None and category not in listing.CATEGORIES:
        raise BtError(f"there is no category {category!r}", hint(category, listing.CATEGORIES))
    call = asked.session()
    warehouse = call.warehouse(create=True)
    known = listing.asked(warehouse)
    for one in listing.CATEGORIES if refresh else [one for one in listing.CATEGORIES if one not in known]:
        if category in {None, one}:
            names = awaited(_list(call, warehouse, client_of(call, base_url, None), one))
            call.narrator.say(f"{one}: {names:,} instruments")
    found = listing.search(warehouse, text, category)
    if found.is_empty():
        raise BtError(f"no symbol contains {text!r}", "bt symbols --refresh asks the exchange anew")
    emit(found, asked.form, asked.out)
    return ExitCode.OK


def bring_in(
    call: shared.Session,
    warehouse: Warehouse,
    client: Bybit,
    wanted: list[Symbol],
    wish: dict[str, Any],
) -> list[Brought]:
    """Bring what is missing, showing how far it is, and say in the end what came."""
    began = time.monotonic()
    call.narrator.stage("downloading")
    brought = awaited(_bring(call, warehouse, client, wanted, wish))
    _tell(call, client, brought, seconds=time.monotonic() - began, first=wish["first"], replace=wish["replace"])
    return brought


def client_of(call: shared.Session, url: str | None, rate: float | None) -> Bybit:
    """Give a client of the exchange that is meant; refuse an address that is none, and a pace that it would punish."""
    from bt.bybit import HOST, PACE, Bybit, Manners, is_local

    manners = Manners(pace=rate or PACE)
    client = Bybit(url or os.environ.get("BT_BYBIT_URL") or HOST, manners=manners, warn=call.narrator.say)
    if manners.pace > _MOST and not is_local(client.host):
        raise BtError(
            f"--rate {rate:g}: Bybit shuts out who asks more than {_MOST} times a second", f"{PACE:g}, or none"
        )
    return client


async def _list(call: shared.Session, warehouse: Warehouse, client: Bybit, category: str) -> int:
    from bt.ingest import listing
    from bt.ingest.ledger import from_milliseconds

    async with client:
        as_of = from_milliseconds(await client.now())
        found = await client.instruments(category)
    return len(listing.store(warehouse, client.host, category, found, as_of=as_of, warn=call.narrator.say))


async def _bring(
    call: shared.Session, warehouse: Warehouse, client: Bybit, wanted: list[Symbol], told: dict[str, Any]
) -> list[Brought]:
    from bt.ingest.download import Watcher, Wish, download
    from bt.ingest.ledger import from_milliseconds
    from bt.output.progress import SymbolProgress

    async with client:
        now = await client.now()
        here = from_milliseconds(now)
        if abs((call.now - here).total_seconds()) > _SKEW:
            call.narrator.say(
                f"the exchange's clock says {here:%Y-%m-%d %H:%M} UTC, this one {call.now:%Y-%m-%d %H:%M}"
            )
        bounds = {name: moment(told[name], relative_to=here) for name in ("first", "end")}
        _require_order(**bounds)
        counts = client.counts
        with SymbolProgress(call.narrator, lambda: (counts.requests, counts.retries)) as shown:
            client.warn = shown.say
            wish = Wish(symbols=wanted, now=now, **(told | bounds))
            return await download(
                warehouse, client, wish, Watcher(planned=shown.planned, came=shown.came, warn=shown.say)
            )


def _tell(
    call: shared.Session, client: Bybit, brought: list[Brought], *, seconds: float, first: str, replace: bool
) -> None:
    """Close with what came, what is lacking, and what to type."""
    for one in brought:
        if one.problem:
            call.narrator.say(f"! {one.symbol}: {one.problem.what}; {one.problem.cure}".rstrip("; "))
        if one.changed:
            taken = "replaced" if replace else "see rejected_candles; --replace takes the new ones"
            call.narrator.say(f"! {one.symbol}: {counted(one.changed, 'candle')} told differently now: {taken}")
    candles, settlements, missing = (
        sum(getattr(one, name) for one in brought) for name in ("candles", "settlements", "missing")
    )
    counts = client.counts
    lacking = " ".join(one.symbol.name for one in brought if one.missing)
    there = " ".join(one.symbol.name for one in brought if not one.problem)
    next_ = (
        f"bt ingest {lacking} --from {first} asks again"
        if lacking
        else f"next: bt check {there}"
        if there
        else "nothing came"
    )
    call.narrator.say(
        f"{counted(candles, 'candle')} and {counted(settlements, 'settlement')} in {seconds:.1f} s · "
        f"{counted(counts.requests, 'request')}, {counts.retries:,} retried · "
        f"{counted(missing, 'minute')} missing · {next_}"
    )


def _counts(client: Bybit, brought: list[Brought]) -> dict[str, int]:
    """Count what came, what is lacking and what was asked."""
    names = ("candles", "settlements", "missing")
    came = {name: sum(getattr(one, name) for one in brought) for name in names}
    return came | {"requests": client.counts.requests, "retries": client.counts.retries}


def _code(brought: list[Brought], *, replace: bool) -> ExitCode:
    """Give 0 where all is there and undisputed, what went wrong where nothing could be brought, else 1."""
    problems = [one.problem for one in brought if one.problem]
    if problems and len(problems) == len(brought):
        return ExitCode.USAGE if all(_is_unknown(problem) for problem in problems) else ExitCode.NETWORK
    return (
        ExitCode.INCOMPLETE
        if problems or any(one.missing or (one.changed and not replace) for one in brought)
        else ExitCode.OK
    )


def _is_unknown(problem: BtError) -> bool:
    from bt.bybit import UnknownSymbolError

    return isinstance(problem, UnknownSymbolError)


def _check_span(call: shared.Session, first: str, end: str) -> None:
    """Refuse what is no span; where a moment hangs on the exchange's clock, its clock decides later."""
    now, before = call.now, call.now - timedelta(days=1)
    moments = [(moment(text, relative_to=now), moment(text, relative_to=before)) for text in (first, end)]
    if all(one == other for one, other in moments):
        _require_order(moments[0][0], moments[1][0])


def _require_order(first: datetime, end: datetime) -> None:
    if first >= end:
        raise BtError(f"--from {first} is not before --to {end}", "check both")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BtError(f"--csv {folder}: {error.strerror}", "name a folder that can be written") from None


def _write_csv(call: shared.Session, warehouse: Warehouse, brought: list[Brought], folder: Path) -> list[Path]:
    from bt.export import candles_to_csv

    files = []
    for one in brought:
        if one.problem is None:
            try:
                file, rows = candles_to_csv(warehouse, one.symbol, timeframe="1m", folder=folder)
            except BtError as error:
                call.narrator.say(f"! no CSV of {one.symbol}: {error.what}")
                continue
            call.narrator.say(f"{file}: {counted(rows, 'candle')}")
            files.append(file)
    return files


def _print(brought: list[Brought], form: str, out: Path | None) -> None:
    import polars as pl

    from bt.output import emit

    names = ("candles", "settlements", "changed", "absent", "missing")
    rows = [
        {"symbol": one.symbol.name, **{name: getattr(one, name) for name in names}}
        | {"state": "failed" if one.problem else "incomplete" if one.missing else "complete"}
        for one in brought
    ]
    emit(pl.DataFrame(rows), form, out)
