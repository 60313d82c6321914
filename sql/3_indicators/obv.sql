-- one row is one bar of a symbol with its on-balance volume
-- formula: obv = obv of the bar before + volume where the close rose, − volume where it fell
-- source: J. Granville, New Key to Stock Market Profits, 1963; TA-Lib OBV
-- arguments: none
-- start: the first bar's own volume, as TA-Lib; it counts from the symbol's first candle on, so only differences mean something
-- warm-up: all
-- outputs: obv (base)
create or replace macro obv(timeframe) as table
with moved as (
    select
        *,
        close - value_before(close, 1) as _move,
    from bars(timeframe)
)

select
    * exclude (_move),
    sum(case when _move < 0 then -volume when _move = 0 then 0 else volume end) over (
        partition by symbol order by ts rows unbounded preceding
    ) as obv,
from moved;
