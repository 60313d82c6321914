-- one row is one symbol: how often a candle opens at the price at which the one before it closed
-- on Bybit always, on Binance every other time; seen in the first two minutes of every hour, so that it costs next to nothing
create or replace view chains as
with openings as (
    select
        symbol,
        ts,
        open,
        lag(ts) over by_time as previous_ts,
        lag(close) over by_time as previous_close,
    from candles
    where date_part('minute', ts) < 2
    window by_time as (partition by symbol order by ts)
)

select
    symbol,
    count(*) as seams,                               -- candles seen beside the one before them
    count(*) filter (where open = previous_close) as chained,  -- of these, open where that closed
    seams >= 10 and chained >= 0.95 * seams as is_rule,  -- so it is this exchange's rule, and what breaks it is a finding
from openings
where previous_ts = ts - interval 1 minute
group by symbol;
