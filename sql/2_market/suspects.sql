-- one row is one stored candle that looks wrong
-- error = impossible, warning = possible but rare: a violent minute, or a price far from the one before
create or replace view suspects as
with neighbours as (
    select
        *,
        lag(ts) over by_time as previous_ts,
        lag(close) over by_time as previous_close,
    from candles
    window by_time as (partition by symbol order by ts)
),

judged as (
    select
        symbol,
        ts,
        case
            when candle_fault(ts, open, high, low, close, volume, turnover) is not null then 'impossible'
            when ts = previous_ts then 'duplicate'
            when previous_ts is null then null  -- the first minute after a listing is often violent
            when high > 1.5 * low then 'range'
            when previous_ts = ts - interval 1 minute and abs(open / previous_close - 1) > 0.1 then 'jump'
        end as finding,
        case finding
            when 'impossible' then candle_fault(ts, open, high, low, close, volume, turnover)
            when 'duplicate' then 'a second candle of this minute'
            when 'range' then format('high {} is {:.2f} × low {}', high, high / low, low)
            when 'jump' then format('open {} after close {}', open, previous_close)
        end as detail,
    from neighbours
)

select
    symbol,
    ts,
    finding,                                         -- impossible, duplicate, range or jump
    detail,                                          -- the values at fault
    case when finding in ('impossible', 'duplicate') then 'error' else 'warning' end as severity,  -- error or warning
from judged
where finding is not null;
