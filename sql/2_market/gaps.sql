-- one row is one hole between stored candles of a symbol, or the part of one that has a cause of its own
create or replace view gaps as
with met as (
    select
        candle_holes.symbol,
        candle_holes.first_ts,
        candle_holes.last_ts,
        greatest(absent_spans.first_ts, candle_holes.first_ts) as absent_first,
        least(absent_spans.last_ts, candle_holes.last_ts) as absent_last,
        absent_spans.symbol is not null as is_met,
    from candle_holes
    left join absent_spans
        on candle_holes.symbol = absent_spans.symbol
        and candle_holes.first_ts <= absent_spans.last_ts
        and candle_holes.last_ts >= absent_spans.first_ts
),

in_turn as (
    select
        *,
        lag(absent_last) over by_time as absent_before,
        lead(absent_first) over by_time as absent_after,
    from met
    window by_time as (partition by symbol, first_ts order by absent_first)
),

places (place) as (
    values ('whole'), ('before'), ('inside'), ('after')
),

parts as (
    select
        in_turn.symbol,
        case places.place
            when 'before' then coalesce(in_turn.absent_before + interval 1 minute, in_turn.first_ts)
            when 'inside' then in_turn.absent_first
            when 'after' then in_turn.absent_last + interval 1 minute
            else in_turn.first_ts
        end as first_ts,
        case places.place
            when 'before' then in_turn.absent_first - interval 1 minute
            when 'inside' then in_turn.absent_last
            else in_turn.last_ts
        end as last_ts,
        case places.place when 'inside' then 'absent' else 'missing' end as cause,
    from in_turn
    inner join places
        on in_turn.is_met = (places.place <> 'whole')
    where places.place <> 'after' or in_turn.absent_after is null
)

select
    symbol,
    first_ts,                                        -- UTC; first minute without a candle
    last_ts,                                         -- UTC; last minute without a candle, inclusive
    date_diff('minute', first_ts, last_ts) + 1 as minutes,  -- minutes without a candle
    cause,                                           -- absent = the exchange has none; missing = never fetched
from parts
where first_ts <= last_ts;
