-- one row is one bar of a symbol with its Keltner channel
-- formula: middle = ema of closes over n bars; upper, lower = middle ± k × average true range over m bars
-- source: C. Keltner, How to Make Money in Commodities, 1960, as L. Raschke uses it
-- arguments: n = bars of the average; m = bars of the true range; k = average true ranges
-- start: middle null before bar n, the others before both it and the range (bar m + 1) are there
-- warm-up: greatest(n + fading_bars(1 - 2 / (n + 1)), m + fading_bars(1 - 1 / m))
-- outputs: upper (quote), middle (quote), lower (quote)
create or replace macro keltner(timeframe, n := 20, m := 10, k := 2.0) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from atr(timeframe, n := m)
),

averaged as (
    select
        *,
        exponential(close, 1 - 2.0 / (n + 1), 0, n, _bar) as _middle,
    from placed
)

select
    * exclude (atr, _bar, _middle),
    _middle + k * atr as upper,
    _middle as middle,
    _middle - k * atr as lower,
from averaged;
