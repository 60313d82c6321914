-- one row is one bar of a symbol with the classic pivots of the UTC day before its own
-- formula: point = (high + low + close) / 3 of that day; r1 = 2 × point − low, s1 = 2 × point − high;
--     r2 = point + high − low, s2 = point − (high − low)
-- source: the floor traders' pivots; J. Person, A Complete Guide to Technical Trading Tactics, 2004
-- arguments: none
-- start: null on the first day, which may be cut; the day before is the last one with bars (of 1w: the bar before)
-- warm-up: 2 * day
-- outputs: point (quote), r1 (quote), s1 (quote), r2 (quote), s2 (quote)
create or replace macro pivots(timeframe) as table
with daily as (
    select
        *,
        ts::date as _day,
        session_highest(high) as _high_so_far,
        session_lowest(low) as _low_so_far,
    from bars(timeframe)
),

begun as (
    select
        *,
        value_before(_day, 1) as _day_before,
        value_before(_high_so_far, 1) as _high_before,
        value_before(_low_so_far, 1) as _low_before,
        value_before(close, 1) as _close_before,
    from daily
),

carried as (
    select
        *,
        latest_over(case when _day_before < _day then _high_before end, 1440) as _high,  -- a day has no more bars
        latest_over(case when _day_before < _day then _low_before end, 1440) as _low,
        latest_over(case when _day_before < _day then _close_before end, 1440) as _close,
    from begun
)

select
    * exclude (
        _day, _high_so_far, _low_so_far, _day_before, _high_before, _low_before, _close_before, _high, _low, _close,
    ),
    typical_price(_high, _low, _close) as point,
    2 * typical_price(_high, _low, _close) - _low as r1,
    2 * typical_price(_high, _low, _close) - _high as s1,
    typical_price(_high, _low, _close) + _high - _low as r2,
    typical_price(_high, _low, _close) - (_high - _low) as s2,
from carried;
