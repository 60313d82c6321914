"""What a candle and a funding rate consist of: their columns, the names these have in files, and their faults."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bt.errors import BtError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMES: Final = "ts timestamp timestampms time date datetime opentime starttime startat start unix unixtime epoch t"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One table that files are imported into.

    `names` gives the squeezed names (`squeezed`) under which files hold a column, our own first. `fault` is SQL over a
    staged row: `column: reason`, or NULL where it is sound. `moment` is SQL for what identifies a row within its
    symbol, with `{}` for the relation.
    """

    table: str
    noun: str  # of one row, for messages
    required: tuple[str, ...]
    optional: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    fault: str
    moment: str

    @property
    def values(self) -> tuple[str, ...]:
        """Give the columns that hold numbers."""
        return (*self.required, *self.optional)


def _names(**spellings: str) -> Mapping[str, tuple[str, ...]]:
    shared = {"symbol": "symbol pair ticker instrument", "interval": "interval timeframe period resolution"}
    return MappingProxyType({ours: tuple(text.split()) for ours, text in (shared | spellings).items()})


CANDLES: Final = Kind(
    table="candles",
    noun="candle",
    required=("open", "high", "low", "close", "volume"),
    optional=("turnover",),
    names=_names(
        ts=_TIMES,
        open="open o openprice",
        high="high h highprice",
        low="low l lowprice",
        close="close c closeprice",
        volume="volume v vol basevolume",
        turnover="turnover quotevolume quoteassetvolume volumequote",
    ),
    fault="candle_fault(ts, open, high, low, close, volume, turnover)",  # sql/2_market/candle_fault.sql
    moment="{}.ts",
)
FUNDING: Final = Kind(
    table="funding",
    noun="rate",
    required=("rate",),
    optional=("mark",),
    names=_names(
        ts=f"{_TIMES} fundingtime calctime fundingratetimestamp settlementtime",
        rate="rate fundingrate lastfundingrate",
        mark="mark markprice",
    ),
    fault="""case
        when ts is null then 'ts: missing'
        when rate is null or not isfinite(rate) then 'rate: not a number'
        when abs(rate) >= 1 then 'rate: not a fraction between -1 and 1'
        when not isfinite(mark) then 'mark: not a number'
        when mark <= 0 then 'mark: not above 0'
    end""",
    moment="date_trunc('minute', {}.ts)",  # some exchanges stamp a settlement some ms late, and not always the same
)
KINDS: Final = MappingProxyType({kind.table: kind for kind in (CANDLES, FUNDING)})


def kind_named(name: str) -> Kind:
    """Give a kind; an unknown one is refused with a hint."""
    if name not in KINDS:
        raise BtError(f"unknown kind {name!r}", hint(name, KINDS))
    return KINDS[name]
