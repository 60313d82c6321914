-- one row is one bar of a symbol with its money flow index
-- formula: mfi = 100 × flow of rising bars / flow of all that moved, of the last n bars; flow = typical price × volume,
--     rising where the typical price is above that of the bar before, by more than rounding
-- source: G. Quong and A. Soudack, Volume-Weighted RSI: Money Flow, 1989; TA-Lib MFI, but for 0 where flow is below 1 there
-- arguments: n = bars
-- start: null before bar n + 1; 0 where nothing has flowed
-- warm-up: n
-- outputs: mfi (0 to 100)
create or replace macro mfi(timeframe, n := 14) as table
with priced as (
    select
        *,
        typical_price(high, low, close) as _price,
    from bars(timeframe)
),

moved as (
    select
        *,
        _price / value_before(_price, 1) - 1 as _move,
    from priced
),

summed as (
    select
        *,
        sum_over(case when _move > 1e-12 then _price * volume when _move <= 1e-12 then 0 end, n) as _up,
        sum_over(case when _move < -1e-12 then _price * volume when _move >= -1e-12 then 0 end, n) as _down,
    from moved
)

select
    * exclude (_price, _move, _up, _down),
    case when _up + _down > 0 then 100 * _up / (_up + _down) when _up + _down = 0 then 0 end as mfi,
from summed;
