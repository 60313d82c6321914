-- no row may come back: a stored candle that is impossible, or an hour that holds two candles of one minute
with hours as (
    select
        symbol,
        date_trunc('hour', ts) as ts,
        count(*) as candles,
        bit_count(bit_or(1::bigint << date_part('minute', ts))) as minutes,  -- far cheaper than count(distinct ts)
    from candles
    group by symbol, date_trunc('hour', ts)
)

select
    symbol,
    ts,
    (candles - minutes) || ' candles too many in this hour' as problem,
from hours
where candles > minutes
union all
select
    symbol,
    ts,
    candle_fault(ts, open, high, low, close, volume, turnover) as problem,
from candles
where candle_fault(ts, open, high, low, close, volume, turnover) is not null;
