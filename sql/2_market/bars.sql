-- one row is one bar of a symbol: its candles resampled to a timeframe, as in: from bars('1h') where symbol = 'BTCUSDT'
-- minutes without a candle are left out, never filled: `candles` below the timeframe's length says so; weeks start on Monday
create or replace macro bars(timeframe) as table
select
    symbol,
    ts,
    open,
    high,
    low,
    close,
    volume,
    turnover,
    1::bigint as candles,
from candles
where timeframe = '1m'
union all
select
    symbol,
    time_bucket(
        case timeframe
            when '1m' then interval 1 minute
            when '3m' then interval 3 minutes
            when '5m' then interval 5 minutes
            when '15m' then interval 15 minutes
            when '30m' then interval 30 minutes
            when '1h' then interval 1 hour
            when '2h' then interval 2 hours
            when '4h' then interval 4 hours
            when '6h' then interval 6 hours
            when '12h' then interval 12 hours
            when '1d' then interval 1 day
            when '1w' then interval 7 days
            else error('unknown timeframe; known: 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w')
        end,
        ts,
        timestamp '2001-01-01'
    ) as ts,
    arg_min(open, ts) as open,
    max(high) as high,
    min(low) as low,
    arg_max(close, ts) as close,
    sum(volume order by ts) as volume,  -- ordered: an unordered sum differs from run to run
    sum(turnover order by ts) as turnover,
    count(*) as candles,
from candles
where timeframe <> '1m'
group by all;
