-- one row is one bar of a symbol with its average true range
-- formula: atr = Wilder average (a = 1 / n) of the true range: high − low, reaching to the close of the bar before
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib ATR
-- arguments: n = bars
-- start: null before bar n + 1, which has the average of the first n true ranges
-- warm-up: n + fading_bars(1 - 1 / n)
-- outputs: atr (quote)
create or replace macro atr(timeframe, n := 14) as table
with followed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        value_before(close, 1) as _before,
    from bars(timeframe)
),

ranged as (
    select
        *,
        true_range_of(high, low, _before) as _range,
    from followed
)

select
    * exclude (_bar, _before, _range),
    exponential(_range, 1 - 1.0 / n, 1, n, _bar) as atr,
from ranged;
