-- one row is one stretch of a perpetual in which its funding should have been settled, but no rate is stored
-- intervals differ and change (1, 2, 4 or 8 hours), so the settlements around it tell: a distance longer than both beside it, or than 8 hours
-- before the first settlement and after the last one, as far as there are candles; a symbol without any rate is one stretch from its first candle to its last
create or replace view funding_gaps as
with spot_symbols as (
    select symbol,
    from instruments
    where category = 'spot'
),

perpetuals as (
    select symbol,
    from instruments
    where category <> 'spot' and not contains(symbol, '-')  -- futures with a delivery date have no funding
    union
    select symbol,
    from funding
    where symbol not in (select symbol, from spot_symbols)
),

candle_spans as not materialized (  -- so that a filter on symbol reaches the candles
    select
        symbol,
        min(ts) as first_candle,
        max(ts) as last_candle,
    from candles
    group by symbol
),

stamps as (
    select distinct
        symbol,
        date_trunc('minute', ts)::timestamp as ts,  -- the sources' stamps are some milliseconds late
    from funding
    where symbol in (select symbol, from perpetuals)
),

distances as (
    select
        symbol,
        lag(ts) over by_time as previous_ts,
        ts,
        date_diff('minute', lag(ts) over by_time, ts) as minutes,
    from stamps
    window by_time as (partition by symbol order by ts)
),

steps as (
    select
        *,
        least(coalesce(lag(minutes) over by_time, 480), 480) as minutes_before,
        least(coalesce(lead(minutes) over by_time, 480), 480) as minutes_after,
    from distances
    window by_time as (partition by symbol order by ts)
),

between_settlements as (
    select
        symbol,
        'between' as place,
        previous_ts + to_minutes(minutes_before) as one_end,
        ts - to_minutes(minutes_after) as other_end,
        previous_ts as known_ts,
        ts as next_known_ts,
        greatest(minutes_before, minutes_after) as usual,
    from steps
    where minutes > greatest(minutes_before, minutes_after) + 2  -- stamps may be a minute late, or early
),

ends as (
    select
        symbol,
        min(ts) as first_settlement,
        max(ts) as last_settlement,
        least(coalesce(arg_min(minutes, ts), 480), 480) as first_minutes,  -- of the earliest distance: the first stamp has none
        least(coalesce(arg_max(minutes, ts), 480), 480) as last_minutes,
    from distances
    group by symbol
),

before_settlements as (
    select
        symbol,
        'before' as place,
        first_settlement - to_minutes(
            first_minutes * ((date_diff('minute', first_candle, first_settlement) - 1) // first_minutes)
        ) as one_end,
        first_settlement - to_minutes(first_minutes) as other_end,
        first_candle as known_ts,
        first_settlement as next_known_ts,
        first_minutes as usual,
    from ends
    inner join candle_spans using (symbol)
    where date_diff('minute', first_candle, first_settlement) > first_minutes  -- at the first candle nobody holds anything
),

after_settlements as (
    select
        symbol,
        'after' as place,
        last_settlement + to_minutes(last_minutes) as one_end,
        last_settlement + to_minutes(
            last_minutes * (date_diff('minute', last_settlement, last_candle) // last_minutes)
        ) as other_end,
        last_settlement as known_ts,
        last_candle as next_known_ts,
        last_minutes as usual,
    from ends
    inner join candle_spans using (symbol)
    where date_diff('minute', last_settlement, last_candle) >= last_minutes
),

without_settlements as (
    select
        symbol,
        'all' as place,
        first_candle as one_end,
        last_candle as other_end,
        first_candle as known_ts,
        last_candle as next_known_ts,
        null::bigint as usual,
    from candle_spans
    inner join perpetuals using (symbol)
    where symbol not in (select symbol, from ends)
),

stretches as (
    from between_settlements
    union all by name
    from before_settlements
    union all by name
    from after_settlements
    union all by name
    from without_settlements
)

select
    symbol,
    place,                                           -- between two settlements, before the first, after the last; all = there is none
    least(one_end, other_end) as first_ts,           -- UTC; first settlement that should be there
    greatest(one_end, other_end) as last_ts,         -- UTC; last settlement that should be there, inclusive
    case place
        when 'before' then date_diff('minute', first_ts, next_known_ts) // usual
        when 'after' then date_diff('minute', known_ts, last_ts) // usual
        when 'between' then greatest((date_diff('minute', known_ts, next_known_ts) - 2) // usual, 1)
    end as settlements,                              -- how many, at the longer of the intervals around it; null = unknown
    round(date_diff('minute', known_ts, next_known_ts) / 60, 2) as hours,  -- between the settlements, or ends of the candles, around it
from stretches;
