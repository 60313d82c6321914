-- one row is one symbol with stored candles
create or replace view coverage as
with totals as (
    select
        symbol,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        sum(candles)::bigint as candles,
        date_diff('minute', min(first_ts), max(last_ts)) + 1 as minutes,
    from candle_days
    group by all
),

confirmed as (
    select
        totals.symbol,
        sum(date_diff(
            'minute',
            greatest(absences.first_ts, totals.first_ts),
            least(absences.last_ts, totals.last_ts)
        ) + 1)::bigint as minutes,
    from totals
    inner join absences
        on totals.symbol = absences.symbol
        and totals.first_ts <= absences.last_ts
        and totals.last_ts >= absences.first_ts
    group by all
)

select
    totals.symbol,
    totals.first_ts,                                 -- UTC; first candle
    totals.last_ts,                                  -- UTC; last candle
    totals.candles,                                  -- stored candles
    totals.minutes,                                  -- from first to last candle, inclusive
    totals.candles / totals.minutes as complete,     -- fraction of these minutes that have a candle
    coalesce(confirmed.minutes, 0) as absent,        -- minutes that the exchange itself does not have
    totals.minutes - totals.candles - coalesce(confirmed.minutes, 0) as missing,  -- minutes never fetched
from totals
left join confirmed using (symbol);
