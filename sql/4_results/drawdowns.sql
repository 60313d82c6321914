-- one row is one drawdown of a run or trial: from the day of a high, down, to the day of the next high
-- days are the resolution: all closes of the day that makes a new high count to the drawdown that starts there
create or replace view drawdowns as
with highs as (
    select
        run_id,
        fold,
        part,
        trial,
        high,
        min(day) as first_day,
        max(day) as last_day,
        min(day) filter (where drawdown < 0) as first_day_below,
        min(drawdown) as depth,
        first(day order by drawdown, day) as trough_day,
    from days
    group by run_id, fold, part, trial, high
),

episodes as (
    select
        *,
        lead(first_day) over (
            partition by run_id, fold, part, trial
            order by first_day
        ) as recovered_day,
    from highs
)

select
    run_id,
    fold,
    part,
    trial,
    greatest(first_day, first_day_below - 1) as peak_day,  -- UTC; last day at the high before the fall
    trough_day,                                      -- UTC; the day of the worst close
    recovered_day,                                   -- UTC; the day of the next high; null = not recovered by the end
    depth,                                           -- fraction < 0; worst equity / high − 1 at any close
    date_diff('day', peak_day, coalesce(recovered_day, last_day)) as days,  -- from peak_day to recovered_day, or to the last day
    high,                                            -- quote; equity to be regained
from episodes
where depth < 0;
