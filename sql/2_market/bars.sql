-- one row is one bar of a symbol: its candles resampled to a timeframe, as in: from bars('1h') where symbol = 'BTCUSDT'
-- minutes without a candle are left out, never filled: `candles` below the timeframe's length says so; weeks start on Monday
create or replace macro bars(timeframe) as table
select  -- sums below are ordered: an unordered sum differs from run to run
    symbol,
    ts,
    open,
    high,
    low,
    close,
    volume,
    turnover,
    1::bigint as candles,                            -- stored candles
from candles
where timeframe = '1m'
union all
select
    symbol,
    time_bucket(
        to_minutes(bar_minutes(timeframe)),
        ts,
        timestamp '2001-01-01'
    ) as ts,
    arg_min(open, ts) as open,
    max(high) as high,
    min(low) as low,
    arg_max(close, ts) as close,
    sum(volume order by ts) as volume,
    sum(turnover order by ts) as turnover,
    count(*) as candles,
from candles
where timeframe <> '1m'
group by all;
