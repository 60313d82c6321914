-- one row is one bar of a symbol with the triple exponential moving average of its closes
-- formula: tema = 3 × ema − 3 × ema of ema + ema of ema of ema, each with a = 2 / (n + 1)
-- source: P. Mulloy, Smoothing Data with Faster Moving Averages, 1994; TA-Lib TEMA
-- arguments: n = bars
-- start: null before bar 3n − 2; each average begins with the simple average of its first n values
-- warm-up: 3 * (n + fading_bars(1 - 2 / (n + 1)))
-- outputs: tema (quote)
create or replace macro tema(timeframe, n := 20) as table
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
),

averaged_thrice as (
    select
        *,
        exponential(_twice, 1 - 2.0 / (n + 1), 2 * n - 2, n, _bar) as _thrice,
    from averaged_twice
)

select
    * exclude (_bar, _once, _twice, _thrice),
    3 * _once - 3 * _twice + _thrice as tema,
from averaged_thrice;
