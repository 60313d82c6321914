"""What a symbol may look like, and which market its prefix means.

`BTCUSDT` is Bybit's linear perpetual, `spot:` and `inverse:` are Bybit's other markets, any other prefix is the spot
market of the exchange of that name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bt.errors import BtError

FORM: Final = "A-Z and 0-9 (2 to 40 of them), '-' before a delivery date, a prefix such as spot: or binance: before all"
_PATTERN: Final = re.compile(r"(?:([a-z][a-z0-9]{1,15}):)?([A-Z0-9]{2,40}(?:-[A-Z0-9]{1,12})?|[a-z0-9]{2,40})")
_BYBIT: Final = {None: "linear", "spot": "spot", "inverse": "inverse"}
_MISLEADING: Final = {"linear", "bybit"}  # a second key for a market that has one
_QUOTES: Final = (
    *("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDE", "USD1", "USDD", "BRL", "DAI", "EUR", "GBP", "JPY", "KRW"),
    *("TRY", "UST", "USD", "BNB", "BTC", "ETH", "XBT"),
)
_SHOWN: Final = 40  # characters of a refused text that a message repeats


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """Name one market; `base` and `quote` are read off the name, None where they cannot be."""

    name: str
    exchange: str
    category: str
    base: str | None
    quote: str | None

    def __str__(self) -> str:
        return self.name


def bring(*names: str) -> str:
    """Say which commands bring data of symbols: from the exchange, or, of others than Bybit, from files."""
    served = [name for name in names if parse(name).exchange == "bybit"]
    commands = [f"bt ingest {' '.join(served)}"] if served else []
    return "; ".join([*commands, *(f"bt import FILE --symbol {name}" for name in names if name not in served)])


def parse(text: str) -> Symbol:
    """Read one symbol; lower-case letters are raised where there is no other; all else is refused."""
    match = _PATTERN.fullmatch(text)
    if not match:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise BtError(f"not a symbol: {shown!a}", f"a symbol is {FORM}")
    prefix, bare = match[1], match[2].upper()
    if prefix in _MISLEADING:
        raise BtError(f"not a symbol: {text!r}", f"Bybit's linear perpetual is {bare}, its spot market spot:{bare}")
    base, quote = _currencies(bare)
    return Symbol(
        name=f"{prefix}:{bare}" if prefix else bare,
        exchange="bybit" if prefix in _BYBIT else prefix,
        category=_BYBIT.get(prefix, "spot"),
        base=base,
        quote=quote,
    )


def parse_many(texts: Iterable[str]) -> list[Symbol]:
    """Read symbols, each text one or a comma list of them; a repeated one is dropped, the order kept."""
    return list(dict.fromkeys(parse(part.strip(" ")) for text in texts for part in text.split(",")))


def _currencies(bare: str) -> tuple[str | None, str | None]:
    stem, _, tail = bare.partition("-")
    if tail in _QUOTES:  # BTC-USD
        return stem, tail
    if stem.endswith("PERP") and stem != "PERP":  # Bybit's USDC perpetuals
        return stem.removesuffix("PERP"), "USDC"
    quote = next((quote for quote in sorted(_QUOTES, key=len, reverse=True) if stem.endswith(quote)), None)
    return (stem.removesuffix(quote), quote) if quote and quote != stem else (None, None)
