-- one row is one bar of a symbol with the stochastic oscillator of its relative strength index
-- formula: fast_k = place of the rsi over n bars between its lowest (0) and highest (100) of the last m bars;
--     fast_d = average of fast_k over signal bars
-- source: T. Chande and S. Kroll, The New Technical Trader, 1994; TA-Lib STOCHRSI
-- arguments: n = bars of the rsi; m = bars of its range; signal = bars of fast_d
-- start: fast_k null before bar n + m, fast_d before bar n + m + signal − 1 (where TA-Lib begins both); the place is 0
--     where the rsi stands still: a range below 1e-9 is a matter of rounding, of which TA-Lib makes any value
-- warm-up: n + fading_bars(1 - 1 / n) + m + signal
-- outputs: fast_k (0 to 100), fast_d (0 to 100)
create or replace macro stoch_rsi(timeframe, n := 14, m := 14, signal := 3) as table
with ranged as (
    select
        *,
        highest_over(rsi, m) as _highest,
        lowest_over(rsi, m) as _lowest,
    from rsi(timeframe, n := n)
),

put as (
    select
        *,
        case
            when _highest - _lowest >= 1e-9 then 100 * (rsi - _lowest) / (_highest - _lowest)
            when _highest is not null then 0
        end as fast_k,
    from ranged
)

select
    * exclude (rsi, _highest, _lowest),
    average_over(fast_k, signal) as fast_d,
from put;
