-- one row is one bar of a symbol with the funding rate that was settled last when the bar ended
-- formula: rate of the last settlement at or before the bar's end, if it is less than a day old
-- source: the table funding
-- arguments: none
-- start: null before the first settlement, and where none was for a day
-- warm-up: 0
-- outputs: funding_rate (fraction, positive = longs pay)
create or replace macro funding_rate(timeframe) as table
with ending as (
    select
        *,
        ts + to_minutes(bar_minutes(timeframe)) as _end,
    from bars(timeframe)
)

select
    ending.* exclude (_end),
    case when funding.ts > ending._end - interval 1 day then funding.rate end as funding_rate,
from ending
asof left join funding
    on ending.symbol = funding.symbol
    and ending._end >= funding.ts;
