-- one row is one stretch of an hour or more in which every candle has one and the same price although there were trades: a source that hangs, or a currency pegged to another
create or replace view stuck as
with unmoved as (
    select
        symbol,
        ts,
        close,
        volume,
        ts - to_minutes(row_number() over (partition by symbol, close order by ts)) as stretch,  -- the same for minutes in a row
    from candles
    where high = low
)

select
    symbol,
    min(ts) as first_ts,                             -- UTC; first of these minutes
    max(ts) as last_ts,                              -- UTC; last of these minutes
    count(*) as minutes,                             -- how many
    close as price,                                  -- quote
from unmoved
group by symbol, close, stretch
having count(*) >= 60 and sum(volume) > 0;
