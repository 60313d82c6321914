-- one row is one bar of a symbol with the double exponential moving average of its closes
-- formula: dema = 2 × ema − ema of ema, each with a = 2 / (n + 1)
-- source: P. Mulloy, Smoothing Data with Faster Moving Averages, 1994; TA-Lib DEMA
-- arguments: n = bars
-- start: null before bar 2n − 1; each average begins with the simple average of its first n values
-- warm-up: 2 * (n + fading_bars(1 - 2 / (n + 1)))
-- outputs: dema (quote)
create or replace macro dema(timeframe, n := 20) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from bars(timeframe)
),

averaged as (
    select
        *,
        exponential(close, 1 - 2.0 / (n + 1), 0, n, _bar) as _once,
    from placed
),

averaged_twice as (
    select
        *,
        exponential(_once, 1 - 2.0 / (n + 1), n - 1, n, _bar) as _twice,
    from averaged
)

select
    * exclude (_bar, _once, _twice),
    2 * _once - _twice as dema,
from averaged_twice;
