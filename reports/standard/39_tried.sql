-- title: What was tried
-- chart: facts
-- runs: sweep, walk
-- width: half
with counts as (
    select
        count(distinct trial) as tried,
        count(*) as trials,
        count(*) filter (where qualified and objective is not null) as qualified,
        count(*) filter (where total_return > 0) as profitable,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'ruined') as ruined,
        count(*) filter (where status <> 'failed' and trades = 0) as idle,
        min(objective) as lowest,
        median(objective) as middle,
        max(objective) as highest,
        min_by(problem, trial) as problem,
    from trials
    where run_id = $run and part = 'in'
)

select unnest([
    {'label': 'Parameter sets', 'value': format('{:,}', tried)},
    {'label': 'Trials in-sample', 'value': format('{:,}', trials)},
    {'label': 'qualified', 'value': format('{:,}', qualified)},
    {'label': 'profitable', 'value': format('{:,}', profitable)},
    {'label': 'without a trade', 'value': format('{:,}', idle)},
    {'label': 'ruined', 'value': format('{:,}', ruined)},
    {'label': 'failed', 'value': format('{:,}', failed) || coalesce('; the first: ' || problem, '')},
    {'label': 'Objective', 'value': format('{:.4g} to {:.4g}, median {:.4g}', lowest, highest, middle)},
    {'label': 'On this data by all runs', 'value': format('{:,} sets', (select attempts from attempts where run_id = $run))}
], recursive := true)
from counts;
