-- one row is one bar of a symbol with its last swing high and swing low that are confirmed
-- formula: a swing high is a high that none of the n bars before it and the n bars after it exceeds; a swing low likewise
-- source: B. Williams, Trading Chaos, 1995, whose fractals have n = 2
-- arguments: n = bars on either side: a swing is known, and shown, n bars after it; m = bars for which it is shown
-- start: null before the first swing, and m bars after the last one was confirmed
-- warm-up: 2 * n + m
-- outputs: swing_high (quote), swing_low (quote)
create or replace macro swings(timeframe, n := 5, m := 500) as table
with ranged as (
    select
        *,
        highest_over(high, 2 * n + 1) as _highest,
        lowest_over(low, 2 * n + 1) as _lowest,
        value_before(high, n) as _high,
        value_before(low, n) as _low,
    from bars(timeframe)
)

select
    * exclude (_highest, _lowest, _high, _low),
    latest_over(case when _high = _highest then _high end, m) as swing_high,
    latest_over(case when _low = _lowest then _low end, m) as swing_low,
from ranged;
