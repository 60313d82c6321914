-- one row is one bar of a symbol with its Donchian channel
-- formula: upper = highest high of the last n bars, lower = their lowest low, middle = (upper + lower) / 2
-- source: R. Donchian's price channel; TA-Lib MAX of high and MIN of low
-- arguments: n = bars, this one included: a breakout strategy compares with the channel of the bar before
-- start: null before bar n
-- warm-up: n - 1
-- outputs: upper (quote), middle (quote), lower (quote)
create or replace macro donchian(timeframe, n := 20) as table
with bounded as (
    select
        *,
        highest_over(high, n) as _highest,
        lowest_over(low, n) as _lowest,
    from bars(timeframe)
)

select
    * exclude (_highest, _lowest),
    _highest as upper,
    (_highest + _lowest) / 2 as middle,
    _lowest as lower,
from bounded;
