-- one row is one bar around a trade of a run, for a chart of that trade: about 48 from before its entry until after its exit
-- of the trades that listed_trades(run, many) lists; bars are of as many whole minutes as that takes
create or replace macro trade_closeups(run, many) as table
with held as (
    select
        trades.trade,
        trades.symbol,
        trades.entry_ts,
        coalesce(trades.exit_ts, tested.end_ts) as leave_ts,
        date_diff('minute', trades.entry_ts, leave_ts) as minutes,
        greatest(minutes / 2, 8 * bar_minutes(tested.timeframe))::bigint as around,
    from listed_trades(run, many)
    inner join trades using (run_id, trade)
    inner join runs as tested using (run_id)
),

windows as (
    select
        trade,
        symbol,
        entry_ts - to_minutes(around) as first_ts,
        leave_ts + to_minutes(around) as last_ts,
        ceil((minutes + 2 * around) / 48)::bigint as step,
    from held
),

days as (  -- a join on equal days is many times faster than one on times between others
    select
        *,
        unnest(range(date_trunc('day', first_ts), date_trunc('day', last_ts) + interval 1 day, interval 1 day))::date as day,
    from windows
)

select
    days.trade,                                      -- see trades
    days.step,                                       -- minutes of a bar
    time_bucket(to_minutes(days.step), candles.ts, timestamp '2001-01-01') as ts,  -- UTC; where the bar begins
    arg_min(candles.open, candles.ts) as open,       -- quote
    max(candles.high) as high,                       -- quote
    min(candles.low) as low,                         -- quote
    arg_max(candles.close, candles.ts) as close,     -- quote
from candles
inner join days
    on candles.symbol = days.symbol and candles.ts::date = days.day
where candles.ts >= days.first_ts and candles.ts <= days.last_ts
group by all;
