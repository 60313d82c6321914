-- one row is one bar around a trade of a run, for a chart of that trade: 24 to 75 or so from before its entry until after its exit
-- of the trades that listed_trades(run, many) lists; a bar is a divisor or a multiple of the run's own, and one begins with the entry's
create or replace macro trade_closeups(run, many) as table
with traded as (
    select
        trades.trade,
        trades.symbol,
        trades.entry_ts as filled_ts,
        coalesce(trades.exit_ts, tested.end_ts) as leave_ts,
        bar_minutes(tested.timeframe) as own,
    from listed_trades(run, many)
    inner join trades using (run_id, trade)
    inner join runs as tested using (run_id)
),

held as (
    select
        *,
        time_bucket(to_minutes(own), filled_ts, timestamp '2001-01-01') as entry_ts,
        date_diff('minute', entry_ts, leave_ts) as minutes,
        greatest(minutes / 2, 8 * own)::bigint as around,
    from traded
),

lengths as (
    select unnest([
        1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 4320, 10080, 20160, 40320, 80640, 161280
    ])::bigint as length,
),

sized as (
    select
        held.trade,
        coalesce(
            min(lengths.length) filter (where 72 * lengths.length >= held.minutes + 2 * held.around),
            max(lengths.length)
        ) as step,
    from held
    inner join lengths
        on lengths.length % held.own = 0 or held.own % lengths.length = 0
    group by held.trade
),

windows as (  -- of whole bars
    select
        held.trade,
        held.symbol,
        held.entry_ts,
        sized.step,
        held.entry_ts - to_minutes(ceil(held.around / sized.step)::bigint * sized.step) as first_ts,
        held.entry_ts + to_minutes(ceil((held.minutes + held.around + 1) / sized.step)::bigint * sized.step) as end_ts,
    from held
    inner join sized using (trade)
),

days as (  -- a join on equal days is many times faster than one on times between others
    select
        *,
        unnest(range(date_trunc('day', first_ts), date_trunc('day', end_ts) + interval 1 day, interval 1 day))::date as day,
    from windows
)

select
    days.trade,                                      -- see trades
    days.step,                                       -- minutes of a bar
    time_bucket(to_minutes(days.step), candles.ts, days.entry_ts) as ts,  -- UTC; where the bar begins
    arg_min(candles.open, candles.ts) as open,       -- quote
    max(candles.high) as high,                       -- quote
    min(candles.low) as low,                         -- quote
    arg_max(candles.close, candles.ts) as close,     -- quote
from candles
inner join days
    on candles.symbol = days.symbol and candles.ts::date = days.day
where candles.ts >= days.first_ts and candles.ts < days.end_ts
group by all;
