-- one row is one symbol of a run and one bucket of its span: the candles there as one bar, for a chart
-- about `buckets` a symbol; a bucket is never shorter than a bar of the run, and one without a candle is left out
create or replace macro candle_curve(run, buckets) as table
with tested as (
    select
        first_ts,
        end_ts,
        curve_minutes(timeframe, first_ts, end_ts, buckets) as minutes,
        unnest(string_split(symbols, ',')) as symbol,
    from runs
    where run_id = run
)

select
    candles.symbol,
    time_bucket(to_minutes(tested.minutes), candles.ts, timestamp '2001-01-01') as ts,  -- UTC; where the bucket begins
    max(candles.ts) as last_ts,                      -- UTC; its last candle
    arg_min(candles.open, candles.ts) as open,       -- quote
    max(candles.high) as high,                       -- quote
    min(candles.low) as low,                         -- quote
    arg_max(candles.close, candles.ts) as close,     -- quote
from candles
inner join tested using (symbol)
where candles.ts >= tested.first_ts and candles.ts < tested.end_ts
group by all;
