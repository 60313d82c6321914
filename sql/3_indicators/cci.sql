-- one row is one bar of a symbol with its commodity channel index
-- formula: cci = (typical price − its average over n bars) / (0.015 × the average distance of the n from that average)
-- source: D. Lambert, Commodity Channel Index, 1980; TA-Lib CCI
-- arguments: n = bars
-- start: null before bar n; 0 where prices stand still, as TA-Lib
-- warm-up: n - 1
-- outputs: cci (1 = 0.015 average distances)
create or replace macro cci(timeframe, n := 20) as table
with priced as (
    select
        *,
        typical_price(high, low, close) as _price,
    from bars(timeframe)
),

averaged as (
    select
        *,
        average_over(_price, n) as _average,
    from priced
),

ranged as (
    select
        *,
        distance_over(_price, _average, n) as _distance,
    from averaged
)

select
    * exclude (_price, _average, _distance),
    case
        when _distance > 1e-14 * _average then (_price - _average) / (0.015 * _distance)
        when _average is not null then 0
    end as cci,
from ranged;
