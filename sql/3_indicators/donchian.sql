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
        row_number() over by_time - 1 as _row,
        max(high) over last_n as _highest,
        min(low) over last_n as _lowest,
    from bars(timeframe)
    window
        by_time as (partition by symbol order by ts),
        last_n as (partition by symbol order by ts rows between n - 1 preceding and current row)
)

select
    * exclude (_row, _highest, _lowest),
    case when _row >= n - 1 then _highest end as upper,
    case when _row >= n - 1 then (_highest + _lowest) / 2 end as middle,
    case when _row >= n - 1 then _lowest end as lower,
from bounded;
