-- one row is one bar of a symbol with how long ago its highest high and lowest low of the last n bars were
-- formula: since_high, since_low = bars since, 0 to n − 1; the latest of equal ones
-- source: TA-Lib AROON of n − 1 bars is 100 × (1 − bars since / (n − 1))
-- arguments: n = bars, this one included
-- start: null before bar n
-- warm-up: n - 1
-- outputs: since_high (bars), since_low (bars)
create or replace macro since_extremes(timeframe, n := 26) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from bars(timeframe)
)

select
    * exclude (_bar),
    since_highest(high, n, _bar) as since_high,
    since_lowest(low, n, _bar) as since_low,
from placed;
