-- title: Equity, drawdown, exposure
-- chart: line
-- runs: run, walk
-- x: ts
-- y: value
-- by: series
-- panel: panel
-- band: fold
-- note: each bucket of the span with its first, lowest, highest and last close; drawdown is the deepest of the bucket, exposure (of equity) its mean
-- format: value by unit
-- hide: unit
with curve as (
    from equity_curve($run, 500)
),

points as (
    select distinct
        1 as place,
        'Equity' as panel,
        'equity' as series,
        'money' as unit,
        unnest([first_ts, low_ts, high_ts, last_ts]) as ts,
        unnest([first_equity, low_equity, high_equity, last_equity]) as value,
    from curve
    union all
    select
        2,
        'Equity',
        'buy & hold',
        'money',
        last_ts,
        worth,
    from hold_curve($run, 500)
    union all
    select
        3,
        'Drawdown',
        'drawdown',
        'percent',
        ts,
        drawdown,
    from curve
    union all
    select
        4,
        'Exposure',
        'gross',
        'percent',
        ts,
        mean_gross,
    from curve
    union all
    select
        5,
        'Exposure',
        'net',
        'percent',
        ts,
        mean_net,
    from curve
    where exists (from curve as other where other.mean_net <> other.mean_gross)  -- else it is the gross exposure
)

select
    points.panel,
    points.series,
    points.unit,
    points.ts,
    points.value,
    folds.fold,
from points
asof left join (from folds where run_id = $run) as folds
    on points.ts >= folds.test_first
order by points.place, points.ts, points.value;
