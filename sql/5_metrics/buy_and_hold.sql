-- one row is one span: what equal money in each symbol at its first open had become at its last close, without costs
-- names is a comma list; from is inclusive, ending exclusive; null = no candle in the span
create or replace macro buy_and_hold(names, beginning, ending) as table
with held as (
    select
        symbol,
        arg_max(close, ts) / arg_min(open, ts) - 1 as return,
    from candles
    where list_contains(string_split(names, ','), symbol)
        and ts >= beginning
        and ts < ending
    group by all
)

select avg(return order by symbol) as return,  -- fraction; null = no candle in the span
from held;
