-- one row is one bar of a symbol with Williams %R
-- formula: williams_r = −100 × (highest high − close) / (highest high − lowest low) of the last n bars
-- source: L. Williams, How I Made One Million Dollars, 1973; TA-Lib WILLR
-- arguments: n = bars
-- start: null before bar n; 0 where the range is none, as TA-Lib
-- warm-up: n - 1
-- outputs: williams_r (-100 to 0)
create or replace macro williams_r(timeframe, n := 14) as table
with ranged as (
    select
        *,
        highest_over(high, n) as _highest,
        lowest_over(low, n) as _lowest,
    from bars(timeframe)
)

select
    * exclude (_highest, _lowest),
    case
        when _highest > _lowest then -100 * (_highest - close) / (_highest - _lowest)
        when _highest = _lowest then 0
    end as williams_r,
from ranged;
