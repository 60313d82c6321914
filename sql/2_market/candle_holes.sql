-- one row is one hole between stored candles of a symbol, whatever its cause; see gaps
-- found from each hour's minutes as bits: the candles are read once and never sorted, however many holes there are
-- a stamp off the minute, which only a foreign hand can have stored, stands for the minute it lies in; a twin hides no hole
create or replace view candle_holes as
with hours as materialized (
    select
        symbol,
        date_trunc('hour', ts)::timestamp as hour,
        date_trunc('minute', min(ts))::timestamp as first_ts,
        date_trunc('minute', max(ts))::timestamp as last_ts,
        bit_or(1::bigint << date_part('minute', ts)) as minutes,  -- bit n, from 0: minute n has a candle
    from candles
    group by all
),

holed_hours as (
    select
        symbol,
        hour,
        minutes,
    from hours
    where (minutes + (minutes & -minutes)) & minutes <> 0  -- its lowest bit, added, carries through an unbroken row of bits
),

minute_numbers as (
    select range as number,
    from range(59)
),

hole_beginnings as (
    select
        holed_hours.symbol,
        holed_hours.hour + to_minutes(minute_numbers.number + 1) as first_ts,
        holed_hours.minutes >> (minute_numbers.number + 1)::integer as later,  -- what the hour has from there on
    from holed_hours
    inner join minute_numbers  -- a minute with a candle, the next one without, and some later one with
        on (holed_hours.minutes >> minute_numbers.number::integer) & 3 = 1
        and holed_hours.minutes >> minute_numbers.number::integer > 1
),

hour_seams as (
    select
        symbol,
        last_ts,
        lead(first_ts) over (partition by symbol order by hour) as next_ts,
    from hours
),

holes as (
    select
        symbol,
        first_ts,
        first_ts + to_minutes(bit_count((later & -later) - 1)::bigint) as next_ts,  -- as many as zeros below the lowest bit
    from hole_beginnings
    union all
    select
        symbol,
        last_ts + interval 1 minute as first_ts,
        next_ts,
    from hour_seams
)

select
    symbol,
    first_ts,                                        -- UTC; first minute without a candle
    next_ts - interval 1 minute as last_ts,          -- UTC; last minute without a candle, inclusive
from holes
where next_ts > first_ts;
