-- no row may come back: a day of a run that its equity rows contradict
-- a bar belongs to the day in which it closes: only weekly bars close on another day than they open
with closed_bars as (
    select
        equity.*,
        (equity.ts + case when runs.timeframe = '1w' then interval 6 days else interval 0 days end)::date as day,
    from equity
    inner join runs using (run_id)
),

closes as (
    select
        run_id,
        day,
        count(*) as bars,
        arg_max(equity, ts) as equity,
        max(equity) as highest,
    from closed_bars
    group by run_id, day
),

run_days as (
    from days
    where part = 'run'
),

compared as (
    select
        run_id,
        day,
        case
            when run_days.equity is null then 'equity rows, but no day'
            when run_days.bars <> coalesce(closes.bars, 0)
            then format('{} bars, but {} equity rows', run_days.bars, coalesce(closes.bars, 0))
            when abs(run_days.equity - closes.equity) > 1e-9 * abs(closes.equity)
            then format('equity {}, but the last equity row has {}', run_days.equity, closes.equity)
            when run_days.high < closes.highest
            then format('high {}, but an equity row has {}', run_days.high, closes.highest)
            when run_days.drawdown > run_days.equity / run_days.high - 1 + 1e-9
            then format('drawdown {}, but the day ends at {}', run_days.drawdown, run_days.equity / run_days.high - 1)
        end as problem,
    from run_days
    full join closes using (run_id, day)
)

from compared
where problem is not null;
