"""What the exchange may answer: strictly typed, so that anything else is malformed and never "no data"."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

Row = tuple[int, float, float, float, float, float, float]  # ms; open, high, low, close, volume, turnover

_Kind = TypeVar("_Kind")


class Malformed(Exception):  # noqa: N818 - a state of an answer, caught by the client
    """An answer that is not what the exchange would say: asked again."""


class Envelope(msgspec.Struct, rename="camel"):
    """What is around every result; `time` is the server's, in ms."""

    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    time: int = 0


class Candles(msgspec.Struct, rename="camel"):
    """Candles of one symbol, newest first."""

    symbol: str
    category: str
    rows: list[Row] = msgspec.field(name="list")


class Settlement(msgspec.Struct, rename="camel"):
    """One funding settlement."""

    symbol: str
    funding_rate: float  # fraction
    funding_rate_timestamp: int  # ms


class Settlements(msgspec.Struct, rename="camel"):
    """Funding settlements of one symbol, newest first."""

    category: str
    rows: list[Settlement] = msgspec.field(name="list")


class Page(msgspec.Struct, rename="camel"):
    """One page of instruments, each still to be read, and where the next one begins: empty at the end."""

    category: str
    rows: list[msgspec.Raw] = msgspec.field(name="list")
    next_page_cursor: str = ""  # percent-encoded already


class PriceFilter(msgspec.Struct, rename="camel"):
    """Rules of prices."""

    tick_size: str


class LotSizeFilter(msgspec.Struct, rename="camel"):
    """Rules of quantities; spot and contracts name them differently. Texts, empty where there is no such rule."""

    min_order_qty: str = ""
    qty_step: str = ""
    min_notional_value: str = ""
    base_precision: str = ""  # spot: the step
    min_order_amt: str = ""  # spot: the least notional


class LeverageFilter(msgspec.Struct, rename="camel"):
    """Rules of leverage."""

    max_leverage: str


class Instrument(msgspec.Struct, rename="camel"):
    """One symbol and its rules of today; spot has neither leverage, launch nor funding."""

    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    price_filter: PriceFilter
    lot_size_filter: LotSizeFilter
    leverage_filter: LeverageFilter | None = None
    launch_time: int | None = None  # ms
    funding_interval: int | None = None  # minutes


class Clock(msgspec.Struct, rename="camel"):
    """The server's time."""

    time_second: int


_envelopes: Final = msgspec.json.Decoder(Envelope)


def envelope(body: bytes) -> Envelope:
    """Read what is around a result."""
    try:
        return _envelopes.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not an answer of the exchange ({error})") from None


def read(kind: type[_Kind], text: msgspec.Raw | bytes) -> _Kind:
    """Read a result, or one thing in it; numbers come as texts."""
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not {kind.__name__}: {error}") from None


def name_of(text: msgspec.Raw) -> Any:
    """Give what an instrument that cannot be read calls itself."""
    try:
        return msgspec.json.decode(text).get("symbol")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, AttributeError):
        return None
