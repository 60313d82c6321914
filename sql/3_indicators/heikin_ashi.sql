-- one row is one bar of a symbol with its Heikin-Ashi bar
-- formula: ha_close = (open + high + low + close) / 4; ha_open = (ha_open + ha_close of the bar before) / 2;
--     ha_high, ha_low = the highest and lowest of high, low, ha_open and ha_close
-- source: D. Valcu, Using the Heikin-Ashi Technique, 2004
-- arguments: none
-- start: ha_open of the first bar is (open + close) / 2
-- warm-up: 2 + fading_bars(0.5)
-- outputs: ha_open (quote), ha_high (quote), ha_low (quote), ha_close (quote)
create or replace macro heikin_ashi(timeframe) as table
with averaged as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        (open + high + low + close) / 4 as _close,
    from bars(timeframe)
),

followed as (
    select
        *,
        coalesce(value_before(_close, 1), (open + close) / 2) as _before,
    from averaged
),

opened as (
    select
        *,
        exponential(_before, 0.5, 0, 1, _bar) as _open,
    from followed
)

select
    * exclude (_bar, _close, _before, _open),
    _open as ha_open,
    greatest(high, _open, _close) as ha_high,
    least(low, _open, _close) as ha_low,
    _close as ha_close,
from opened;
