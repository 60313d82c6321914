-- one row is one sweep or walk-forward: how many of its in-sample parts qualified, why others did not, and how the objective is spread
create or replace view tried_sets as
select
    runs.run_id,
    count(distinct trial) as sets,
    count(trial) as tried,  -- in-sample parts: one a set and fold
    count(*) filter (where trials.status = 'failed') as failed,  -- in-sample parts that could not be tried
    count(distinct trial) filter (where trials.status = 'failed') as failed_sets,  -- parameter sets with such a part
    count(*) filter (where trials.status = 'ruined') as ruined,
    count(*) filter (where trials.status <> 'failed' and trades = 0) as idle,  -- in-sample parts without a trade
    count(*) filter (where qualified and objective is not null) as qualified,
    count(*) filter (where trials.status <> 'failed' and trades < (settings ->> '$.min_trades')::integer) as few_trades,  -- in-sample parts with fewer trades than the run asks for
    count(*) filter (
        where trials.status <> 'failed' and not qualified and trades >= (settings ->> '$.min_trades')::integer
    ) as refused,  -- by the run's other condition
    count(*) filter (where qualified and objective is null) as undefined,  -- in-sample parts that qualify but for an objective without a value
    count(*) filter (where total_return > 0) as profitable,
    min(objective) as objective_lowest,  -- over in-sample parts
    median(objective) as objective_median,  -- over in-sample parts
    max(objective) as objective_highest,  -- over in-sample parts
    min_by(trials.problem, trial) as problem,  -- of the first that failed
from runs
left join trials on runs.run_id = trials.run_id and part = 'in'
where kind in ('sweep', 'walk')
group by runs.run_id;
