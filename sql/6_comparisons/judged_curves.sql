-- one row is one run: the daily returns it is judged by, in figures
-- of a walk the stitched out-of-sample run; of a sweep the chosen set, in-sample; of a single run itself
create or replace view judged_curves as
with curves as (
    select
        runs.run_id,
        runs.kind,
        coalesce(trials.status, runs.status) as status,
        coalesce(run_metrics.days, trials.days) as days,
        coalesce(run_metrics.net_profit, trials.net_profit) as net_profit,
        coalesce(run_metrics.max_drawdown, trials.max_drawdown) as max_drawdown,
        coalesce(run_metrics.sharpe, trials.sharpe) as sharpe,
        coalesce(run_metrics.skew, trials.skew) as skew,
        coalesce(run_metrics.kurtosis, trials.kurtosis) as kurtosis,
    from runs
    left join run_metrics on runs.run_id = run_metrics.run_id and runs.kind <> 'sweep'
    left join trials
        on runs.run_id = trials.run_id
        and runs.kind = 'sweep'
        and trials.fold = 0
        and trials.part = 'in'
        and trials.chosen
),

reasons as (
    select
        *,
        case
            when status in ('running', 'interrupted') then 'not finished'
            when days is null then 'no set qualified'
            when status = 'ruined' then 'ruined'
            when days < 30 then 'fewer than 30 days'
            when sharpe is null or skew is null then 'the daily returns do not vary'
        end as reason,
    from curves
)

select
    run_id,
    kind,                                            -- run, sweep or walk
    days,                                            -- UTC calendar days
    net_profit,
    max_drawdown,
    case when reason is null then sharpe / sqrt(365) end as sharpe,  -- ratio a day; null = see reason
    case when reason is null then skew end as skew,
    case when reason is null then kurtosis end as kurtosis,
    reason,                                          -- why there is no Sharpe ratio to judge; null = there is one
from reasons;
