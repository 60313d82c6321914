-- one row is one bar of a symbol with the linearly weighted moving average of its closes
-- formula: wma = sum of the last n closes × their weights (n for this bar's, n − 1 for the one before … 1) / (n × (n + 1) / 2)
-- source: TA-Lib WMA
-- arguments: n = bars
-- start: null before bar n
-- warm-up: n - 1
-- outputs: wma (quote)
create or replace macro wma(timeframe, n := 20) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from bars(timeframe)
)

select
    * exclude (_bar),
    case when _bar >= n - 1 then linear_sum(close, n, _bar) / (n * (n + 1) / 2) end as wma,
from placed;
