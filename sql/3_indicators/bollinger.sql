-- one row is one bar of a symbol with its Bollinger bands
-- formula: middle = average of the last n closes; upper, lower = middle ± k × their population standard deviation
-- source: J. Bollinger, Bollinger on Bollinger Bands, 2001; TA-Lib BBANDS
-- arguments: n = bars; k = standard deviations
-- start: null before bar n
-- warm-up: n - 1
-- outputs: upper (quote), middle (quote), lower (quote)
create or replace macro bollinger(timeframe, n := 20, k := 2.0) as table
with averaged as (
    select
        *,
        row_number() over by_time - 1 as _row,
        avg(close) over last_n as _average,
        stddev_pop(close) over last_n as _deviation,
    from bars(timeframe)
    window
        by_time as (partition by symbol order by ts),
        last_n as (partition by symbol order by ts rows between n - 1 preceding and current row)
)

select
    * exclude (_row, _average, _deviation),
    case when _row >= n - 1 then _average + k * _deviation end as upper,
    case when _row >= n - 1 then _average end as middle,
    case when _row >= n - 1 then _average - k * _deviation end as lower,
from averaged;
