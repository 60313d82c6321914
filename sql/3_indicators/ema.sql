-- one row is one bar of a symbol with the exponential moving average of its closes
-- formula: ema = a × close + (1 − a) × ema of the bar before, a = 2 / (n + 1)
-- source: TA-Lib EMA
-- arguments: n = bars
-- start: null before bar n, which has the simple average of the first n closes
-- warm-up: n + fading_bars(1 - 2 / (n + 1))
-- outputs: ema (quote)
create or replace macro ema(timeframe, n := 20) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from bars(timeframe)
)

select
    * exclude (_bar),
    exponential(close, 1 - 2.0 / (n + 1), 0, n, _bar) as ema,
from placed;
