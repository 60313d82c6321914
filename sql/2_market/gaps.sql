-- one row is one hole between stored candles of a symbol
-- only days with fewer candles than minutes are looked into, so that complete years cost next to nothing
create or replace view gaps as
with days as materialized (
    from candle_days
),

days_with_holes as (
    select
        symbol,
        day,
    from days
    where candles < minutes
),

steps as (
    select
        candles.symbol,
        candles.ts,
        lead(candles.ts) over (
            partition by candles.symbol, days_with_holes.day
            order by candles.ts
        ) as next_ts,
    from candles
    inner join days_with_holes
        on candles.symbol = days_with_holes.symbol
        and date_trunc('day', candles.ts) = days_with_holes.day
),

day_seams as (
    select
        symbol,
        last_ts as ts,
        lead(first_ts) over (partition by symbol order by day) as next_ts,
    from days
),

seams as (
    from steps
    union all
    from day_seams
),

holes as (
    select
        symbol,
        ts + interval 1 minute as first_ts,
        next_ts - interval 1 minute as last_ts,
    from seams
    where next_ts > ts + interval 1 minute
)

select
    holes.symbol,
    holes.first_ts,                                  -- UTC; first minute without a candle
    holes.last_ts,                                   -- UTC; last minute without a candle, inclusive
    date_diff('minute', holes.first_ts, holes.last_ts) + 1 as minutes,  -- minutes without a candle
    case when absences.symbol is null then 'missing' else 'absent' end as cause,  -- absent = the exchange has none; missing = never fetched
from holes
left join absences  -- of which none touch, so that each hole lies in one at most; a subquery would keep filters from the candles
    on holes.symbol = absences.symbol
    and holes.first_ts >= absences.first_ts
    and holes.last_ts <= absences.last_ts;
