"""The command about stored candles: data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bt.cli.asking import OutputOptions, taking
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from bt.warehouse import Warehouse


@taking(OutputOptions)
def data(
    asked: OutputOptions,
    symbols: Annotated[list[str] | None, typer.Argument(help="Only these.", metavar="[SYMBOL…]")] = None,
) -> int:
    """Show what candles there are: first, last, how many, how complete."""
    from bt.output import emit

    call = asked.session()
    warehouse = call.warehouse()
    with warehouse.read():  # one opening for both
        names = stored(warehouse, symbols or [])
        chosen = f"where symbol in ({', '.join('?' * len(names))})" if symbols else ""  # a list prunes nothing
        frame = warehouse.query(
            f"""
            select
                symbol,
                first_ts as first,
                last_ts as last,
                candles,
                round(100 * complete, 4) as "%",
                missing,
                absent,
            from coverage
            {chosen}
            order by symbol
            """,
            names if symbols else None,
        )
    if asked.form == "table" and not frame["absent"].sum():
        frame = frame.drop("absent")
    emit(frame, asked.form, asked.out)
    if frame.is_empty():
        call.narrator.say("no candles yet: bt ingest SYMBOL, or bt import FILE --symbol SYMBOL")
    elif warehouse.path:
        size, each = warehouse.path.stat().st_size, warehouse.bytes_each()
        call.narrator.say(f"{warehouse.path}: {size / 1e6:,.1f} MB, {each:.1f} bytes a candle")
    return ExitCode.OK


def stored(warehouse: Warehouse, wanted: list[str]) -> list[str]:
    """Give the names of symbols with candles or funding: all of them, or those wanted, which must be there."""
    from bt import symbols

    known = warehouse.query("select symbol from coverage union select symbol from funding order by symbol")["symbol"]
    names = [symbol.name for symbol in symbols.parse_many(wanted)] if wanted else known.to_list()
    for name in names:
        if name not in known:
            raise BtError(f"there are no candles of {name}", f"there are: {', '.join(known) or 'none yet'}")
    return names
