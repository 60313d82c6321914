-- one row is one stored candle that looks wrong
-- error = impossible; warning = possible, but hardly true; note = a violent minute in violent company, as in a crash
create or replace view suspects as
with neighbours as (
    select
        *,
        high / nullif(low, 0) - 1 as reach,
        lag(ts) over by_time as previous_ts,
        lag(open) over by_time as previous_open,
        lag(high) over by_time as previous_high,
        lag(low) over by_time as previous_low,
        lag(close) over by_time as previous_close,
        lag(volume) over by_time as previous_volume,
        first_value(volume) over (  -- not lag(volume, 2): DuckDB 1 cannot read that in a stored view
            partition by symbol order by ts rows between 2 preceding and 2 preceding
        ) as volume_before_that,
        lead(high) over by_time as next_high,
        lead(low) over by_time as next_low,
    from candles
    window by_time as (partition by symbol order by ts)
),

beside as (
    select
        *,
        candle_fault(ts, open, high, low, close, volume, turnover) as fault,
        previous_ts = ts - interval 1 minute as is_next,
        greatest(previous_high / nullif(previous_low, 0) - 1, coalesce(next_high / nullif(next_low, 0) - 1, 0)) as reach_beside,
    from neighbours
),

judged as (
    select
        beside.symbol,
        beside.ts,
        case
            when fault = 'ts: not on the minute' then 'off_minute'
            when fault is not null then 'impossible'
            when ts = previous_ts then 'duplicate'
            when previous_ts is null then null  -- the first minute after a listing is often violent
            when reach > 0.5 and reach > 10 * reach_beside then 'spike'
            when reach > 0.5 then 'range'
            when is_next and abs(open / previous_close - 1) > 0.1 then 'jump'
            when not is_next and (open > 2 * previous_close or 2 * open < previous_close) then 'jump'
            when is_next and open <> previous_close and chains.is_rule then 'seam'
            when is_next and volume > 0 and volume = previous_volume and volume = volume_before_that and high > low
                and open = previous_open and high = previous_high and low = previous_low and close = previous_close then 'repeated'
        end as finding,
        case finding
            when 'off_minute' then strftime(ts, '%Y-%m-%d %H:%M:%S.%g') || ' is no whole minute'
            when 'impossible' then fault
            when 'duplicate' then 'a second candle of this minute'
            when 'spike' then format('high {} is {:.2f} × low {}, the minutes beside it are calm', high, high / low, low)
            when 'range' then format('high {} is {:.2f} × low {}', high, high / low, low)
            when 'jump' then format('open {} after close {}', open, previous_close)
            when 'seam' then format('open {} after close {}, where all others open at the close before', open, previous_close)
            when 'repeated' then format('open, high, low, close and volume {} as in the two minutes before', volume)
        end as detail,
    from beside
    left join chains on beside.symbol = chains.symbol
)

select
    symbol,
    ts,
    finding,                                         -- off_minute, impossible, duplicate, spike, range, jump, seam or repeated
    detail,                                          -- the values at fault
    case
        when finding in ('off_minute', 'impossible', 'duplicate') then 'error'
        when finding = 'range' then 'note'
        else 'warning'
    end as severity,                                 -- error, warning or note
from judged
where finding is not null;
