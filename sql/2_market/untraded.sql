-- one row is one stretch of consecutive candles without a trade: volume 0
create or replace view untraded as
with idle as (
    select
        symbol,
        ts,
        ts - to_minutes(row_number() over (partition by symbol order by ts)) as stretch,  -- the same for minutes in a row
    from candles
    where volume = 0
)

select
    symbol,
    min(ts) as first_ts,                             -- UTC; first of these minutes
    max(ts) as last_ts,                              -- UTC; last of these minutes
    count(*) as minutes,                             -- how many
from idle
group by symbol, stretch;
