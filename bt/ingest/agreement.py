"""Whether a file's candles are the stored ones, and where they are not, whether they are on another clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bt.warehouse import query, registered
from bt.wording import span

if TYPE_CHECKING:
    import duckdb

    from bt.warehouse import Warehouse

SAMPLE: Final = 2000  # candles of the file that are compared
_FEWEST: Final = 20  # compared candles from which a conclusion is drawn
_ALIKE: Final = 0.9  # share of the compared candles that must agree with the shifted ones
_HALF_HOUR: Final = 1_800_000_000  # µs
_FARTHEST: Final = 28  # half hours; no clock is farther from UTC
_ZONES: Final = {
    19: "Australia/Darwin",
    18: "Asia/Seoul",
    16: "Asia/Shanghai",
    14: "Asia/Bangkok",
    11: "Asia/Kolkata",
    8: "Asia/Dubai",
    7: "Asia/Tehran",
    6: "Europe/Moscow",
    -6: "America/Sao_Paulo",
}  # half hours ahead of UTC all year: a zone that many know


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Of `seen` compared candles, `alike` equal the stored one `half_hours` earlier; `adds`: some are new minutes."""

    half_hours: int
    seen: int
    alike: int
    adds: bool

    @property
    def sentence(self) -> str:
        """Say it for people."""
        side = "earlier" if self.half_hours > 0 else "later"
        many = f"all {self.seen:,}" if self.alike == self.seen else f"{self.alike:,} of {self.seen:,}"
        return f"{many} candles compared equal the stored ones {span(abs(self.half_hours) * _HALF_HOUR)} {side}"

    @property
    def zone(self) -> str:
        """Name a zone whose clock differs from UTC by this."""
        hours, half = divmod(self.half_hours, 2)
        fixed = "AREA/CITY" if half else f"Etc/GMT{-hours:+d}"  # POSIX: the sign is the other way round
        return _ZONES.get(self.half_hours, fixed)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of `seen` compared candles, `alike` equal the stored ones of their minute; `shift`: another clock fits better."""

    seen: int
    alike: int
    shift: Shift | None

    @property
    def is_same(self) -> bool:
        """Say whether the candles are those of the stored market, on one clock or another."""
        return self.shift is not None or (self.seen > 0 and self.alike >= _ALIKE * self.seen)

    @property
    def is_other(self) -> bool:
        """Say whether fewer than half of the candles agree."""
        return 2 * self.alike < self.seen

    @property
    def sentence(self) -> str:
        """Say it for people."""
        return f"{self.alike:,} of {self.seen:,} candles compared equal the stored ones"


def compare(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, symbol: str, rows: int) -> Agreement:
    """Compare a sample of the file's candles (the `rows` of `sound`) with the stored ones of a symbol.

    Other clocks are tried by half hours, and believed if most candles differ on their own.
    """
    every = max(1, rows // SAMPLE)
    sample = query(
        connection,
        "select ts, open, high, low, close from sound where n % $every = 0 or n = 1 or n = $rows order by n",
        {"every": every, "rows": rows},
    )
    with warehouse.read() as stored, registered(stored, sample=sample):
        found = query(
            stored,
            _COMPARISON,
            {"symbol": symbol, "first": sample["ts"][0], "last": sample["ts"][-1]},
        )
    as_they_are = found.filter(half_hours=0)
    if not len(as_they_are):
        return Agreement(seen=0, alike=0, shift=None)
    _, seen, alike = as_they_are.row(0)
    shift = _better(*found.row(0), adds=seen < len(sample)) if 2 * alike <= seen else None
    return Agreement(seen=seen, alike=alike, shift=shift)


def _better(half_hours: int, seen: int, alike: int, *, adds: bool) -> Shift | None:
    if not half_hours or alike < max(_FEWEST, _ALIKE * seen):
        return None
    return Shift(half_hours=half_hours, seen=seen, alike=alike, adds=adds)


_COMPARISON: Final = f"""with shifts as (select unnest(range(-{_FARTHEST}, {_FARTHEST} + 1)) as half_hours),
    near as (
        select * from candles
        where symbol = $symbol and ts between $first - interval 15 hour and $last + interval 15 hour
    )
    select half_hours, count(*) as seen, count(*) filter (
        sample.open = near.open and sample.high = near.high
        and sample.low = near.low and sample.close = near.close
    ) as alike
    from shifts cross join sample
    inner join near on near.ts = sample.ts - to_minutes(30 * half_hours)
    group by half_hours order by alike desc, abs(half_hours)"""
