"""The exchange's instruments in the warehouse: their rules with validity, and a search that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from bt import symbols
from bt.errors import BtError
from bt.ingest.ledger import from_milliseconds
from bt.ingest.manifest import GUESSED
from bt.warehouse import registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bt.bybit import Instrument
    from bt.warehouse import Warehouse

CATEGORIES: Final = ("linear", "spot", "inverse")
_PREFIXES: Final = {"linear": "", "spot": "spot:", "inverse": "inverse:"}
_RULES: Final = ("tick_size", "qty_step", "min_qty", "min_notional", "max_leverage")
_FACTS: Final = ("exchange", "category", "base", "quote", "status", "launch_ts", "funding_minutes", "as_of", "source")
_SCHEMA: Final[dict[str, Any]] = {
    **dict.fromkeys(("symbol", "exchange", "category", "base", "quote", "status"), pl.String),
    **dict.fromkeys(_RULES, pl.Float64),
    "launch_ts": pl.Datetime("us"),
    "funding_minutes": pl.Int32,
    "as_of": pl.Datetime("us"),
    "source": pl.String,
}
_LATEST: Final = "(from instruments qualify row_number() over (partition by symbol order by valid_from desc) = 1)"
_DIFFERS: Final = " or ".join(f"stored.{rule} is distinct from came.{rule}" for rule in _RULES)


def known(warehouse: Warehouse, category: str, host: str, since: datetime) -> set[str]:
    """Give the symbols of a category, if the exchange was asked for them after `since`; else none."""
    rows = warehouse.query(
        f"select symbol from {_LATEST} where category = ? and source = ? and as_of >= ?", [category, host, since]
    )
    return set(rows["symbol"])


def closed(warehouse: Warehouse, symbol: str) -> bool:
    """Say whether the exchange has ended the trade of a symbol."""
    return not warehouse.query(f"select 1 from {_LATEST} where symbol = ? and status = 'Closed'", [symbol]).is_empty()


def asked(warehouse: Warehouse) -> set[str]:
    """Give the categories that the exchange was ever asked for."""
    return set(
        warehouse.query(
            "select distinct category from instruments where exchange = 'bybit' and source <> ?", [GUESSED]
        )["category"]
    )


def store(
    warehouse: Warehouse,
    host: str,
    category: str,
    found: Iterable[Instrument],
    *,
    as_of: datetime,
    warn: Callable[[str], None],
) -> set[str]:
    """Store a category's instruments: rules that changed hold from now on, the first ones known from ever.

    Give their symbols. One whose name is no symbol is passed over with a word.
    """
    rows = [row for one in found if (row := _row(one, category, warn)) is not None]
    came = pl.DataFrame(rows, schema=_SCHEMA).with_columns(as_of=pl.lit(as_of), source=pl.lit(host))
    with warehouse.write() as connection, registered(connection, came=came):
        columns = ", ".join(_SCHEMA)
        connection.execute(
            f"""insert into instruments (valid_from, {columns})
            select case when stored.symbol is null then timestamp '1970-01-01' else came.as_of end, came.*
            from came left join {_LATEST} as stored using (symbol)
            where stored.symbol is null
                or (stored.source <> ? and came.as_of > stored.valid_from and ({_DIFFERS}))""",
            [GUESSED],
        )
        connection.execute(
            f"""update instruments set {", ".join(f"{name} = came.{name}" for name in (*_RULES, *_FACTS))}
            from came, {_LATEST} as latest
            where instruments.symbol = came.symbol and latest.symbol = came.symbol
                and latest.valid_from = instruments.valid_from"""
        )
    return set(came["symbol"])


def search(warehouse: Warehouse, text: str = "", category: str | None = None) -> pl.DataFrame:
    """Give the instruments whose symbol or currency contains a text, with their present rules, by symbol."""
    return warehouse.query(
        f"""select symbol, category, base, quote, status, {", ".join(_RULES)}, funding_minutes, launch_ts, as_of, source
        from {_LATEST}
        where (contains(symbol, $text) or base = $text or quote = $text) and category = coalesce($category, category)
        order by category, symbol""",
        {"text": text.upper(), "category": category},
    )


def _row(one: Instrument, category: str, warn: Callable[[str], None]) -> dict[str, Any] | None:
    size = one.lot_size_filter
    try:
        return {
            "symbol": _name(category, one.symbol),
            "exchange": "bybit",
            "category": category,
            "base": one.base_coin,
            "quote": one.quote_coin,
            "status": one.status,
            "tick_size": _number(one.price_filter.tick_size),
            "qty_step": _number(size.qty_step or size.base_precision),
            "min_qty": _number(size.min_order_qty),
            "min_notional": _number(size.min_notional_value or size.min_order_amt),
            "max_leverage": _number(one.leverage_filter.max_leverage) if one.leverage_filter else None,
            "launch_ts": from_milliseconds(one.launch_time) if one.launch_time else None,
            "funding_minutes": one.funding_interval or None,
        }
    except (BtError, ValueError, OverflowError, OSError) as error:
        warn(f"passed over instrument {one.symbol!a}: {str(error).splitlines()[0]}")
        return None


def _name(category: str, code: str) -> str:
    """Give our name of a symbol; the exchange writes all of them in capitals."""
    symbol = symbols.parse(f"{_PREFIXES[category]}{code}")
    if (symbol.category, symbol.exchange) != (category, "bybit") or not symbol.name.endswith(code):
        raise BtError(f"not a symbol: {code!a}")
    return symbol.name


def _number(text: str) -> float | None:
    """Read a rule; an empty one and 0 bind nobody."""
    number = float(text) if text else 0.0
    if not 0 <= number < float("inf"):
        raise BtError(f"a rule that is no number: {text!a}")
    return number or None
