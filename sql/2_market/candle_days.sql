-- one row is one UTC day of a symbol with at least one candle
create or replace view candle_days as
select
    symbol,
    date_trunc('day', ts)::timestamp as day,         -- UTC
    min(ts) as first_ts,                             -- UTC; first candle of the day
    max(ts) as last_ts,                              -- UTC; last candle of the day
    count(*) as candles,                             -- stored candles
    date_diff('minute', min(ts), max(ts)) + 1 as minutes,  -- from first to last, inclusive
from candles
group by all;
