-- one row is one bar of a symbol with the simple moving average of its last n closes
-- formula: sma = sum of the last n closes / n
-- source: TA-Lib SMA
-- arguments: n = bars
-- start: null before bar n
-- warm-up: n - 1
-- outputs: sma (quote)
create or replace macro sma(timeframe, n := 20) as table
with averaged as (
    select
        *,
        row_number() over by_time - 1 as _row,
        avg(close) over last_n as _average,
    from bars(timeframe)
    window
        by_time as (partition by symbol order by ts),
        last_n as (partition by symbol order by ts rows between n - 1 preceding and current row)
)

select
    * exclude (_row, _average),
    case when _row >= n - 1 then _average end as sma,
from averaged;
