-- one row is one bucket of a run's span: its equity at the first, lowest, highest and last close there, for a chart
-- about `buckets` of them; a bucket is never shorter than a bar of the run
create or replace macro equity_curve(run, buckets) as table
with tested as (
    select
        run_id,
        start_cash,
        curve_minutes(timeframe, first_ts, end_ts, buckets) as minutes,
    from runs
    where run_id = run
),

closes as (
    select
        equity.ts,
        equity.equity,
        equity.gross / nullif(equity.equity, 0) as gross,
        equity.net / nullif(equity.equity, 0) as net,
        greatest(tested.start_cash, max(equity.equity) over (
            order by equity.ts
            rows between unbounded preceding and current row
        )) as high,
        time_bucket(to_minutes(tested.minutes), equity.ts, timestamp '2001-01-01') as bucket_ts,
    from equity
    inner join tested using (run_id)
    where equity.run_id = run
)

select  -- means are of decimals: an unordered sum of doubles differs from run to run
    bucket_ts as ts,                                 -- UTC; where the bucket begins
    min(ts) as first_ts,                             -- UTC; its first bar
    arg_min(equity, ts) as first_equity,             -- quote
    min_by(ts, (equity, ts)) as low_ts,              -- UTC; the bar of the lowest equity
    min(equity) as low_equity,                       -- quote
    min_by(ts, (-equity, ts)) as high_ts,            -- UTC; the bar of the highest equity
    max(equity) as high_equity,                      -- quote
    max(ts) as last_ts,                              -- UTC; its last bar
    arg_max(equity, ts) as last_equity,              -- quote
    min(equity / nullif(high, 0) - 1) as drawdown,   -- fraction ≤ 0; worst equity / running high − 1
    avg(case when abs(gross) < 1e6 then gross::decimal(18, 9) end) as mean_gross,  -- fraction of equity; sum of |position value|, mean over the bars in which equity is not all but gone
    avg(case when abs(net) < 1e6 then net::decimal(18, 9) end) as mean_net,  -- fraction of equity; signed sum of position values, likewise
from closes
group by bucket_ts;
