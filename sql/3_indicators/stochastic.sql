-- one row is one bar of a symbol with its stochastic oscillator
-- formula: place of the close between the lowest low (0) and the highest high (100) of the last n bars;
--     slow_k = its average over smooth bars; slow_d = average of slow_k over signal bars
-- source: G. Lane; TA-Lib STOCH with simple averages; the place is 0 where the range is none, as there
-- arguments: n = bars of the range; smooth = bars of slow_k, 1 for the fast stochastic; signal = bars of slow_d
-- start: slow_k null before bar n + smooth − 1, slow_d before bar n + smooth + signal − 2 (where TA-Lib begins both)
-- warm-up: n + smooth + signal - 3
-- outputs: slow_k (0 to 100), slow_d (0 to 100)
create or replace macro stochastic(timeframe, n := 14, smooth := 3, signal := 3) as table
with ranged as (
    select
        *,
        highest_over(high, n) as _highest,
        lowest_over(low, n) as _lowest,
    from bars(timeframe)
),

put as (
    select
        *,
        case
            when _highest > _lowest then 100 * (close - _lowest) / (_highest - _lowest)
            when _highest = _lowest then 0
        end as _place,
    from ranged
),

smoothed as (
    select
        *,
        average_over(_place, smooth) as slow_k,
    from put
)

select
    * exclude (_highest, _lowest, _place),
    average_over(slow_k, signal) as slow_d,
from smoothed;
