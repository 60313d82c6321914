-- one row is one symbol with stored candles
create or replace view coverage as
with totals as (
    select
        symbol,
        date_trunc('minute', min(ts))::timestamp as first_ts,
        date_trunc('minute', max(ts))::timestamp as last_ts,
        count(*) as candles,
    from candles
    group by symbol
),

holes as (
    select
        candle_holes.symbol,
        date_diff('minute', candle_holes.first_ts, candle_holes.last_ts) + 1 as minutes,
        sum(date_diff(
            'minute',
            greatest(absent_spans.first_ts, candle_holes.first_ts),
            least(absent_spans.last_ts, candle_holes.last_ts)
        ) + 1) filter (where absent_spans.symbol is not null) as absent,
    from candle_holes
    left join absent_spans
        on candle_holes.symbol = absent_spans.symbol
        and candle_holes.first_ts <= absent_spans.last_ts
        and candle_holes.last_ts >= absent_spans.first_ts
    group by candle_holes.symbol, candle_holes.first_ts, candle_holes.last_ts
),

lacking as (
    select
        symbol,
        sum(minutes)::bigint as minutes,
        sum(coalesce(absent, 0))::bigint as absent,
    from holes
    group by symbol
),

counted as (
    select
        totals.*,
        date_diff('minute', totals.first_ts, totals.last_ts) + 1 as minutes,
        coalesce(lacking.minutes, 0) as lacking,
        coalesce(lacking.absent, 0) as absent,
    from totals
    left join lacking using (symbol)
)

select
    symbol,
    first_ts,                                        -- UTC; first candle
    last_ts,                                         -- UTC; last candle
    candles,                                         -- stored candles, twins too
    minutes,                                         -- from first to last candle, inclusive
    (minutes - lacking) / minutes as complete,       -- fraction of these minutes that have a candle
    absent,                                          -- minutes that the exchange itself does not have
    lacking - absent as missing,                     -- minutes never fetched
from counted;
