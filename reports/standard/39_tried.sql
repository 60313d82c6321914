-- title: What was tried
-- chart: facts
-- runs: sweep, walk
-- width: half
select unnest([
    {'label': 'Parameter sets', 'value': format('{:,}', sets)},
    {'label': 'Trials in-sample', 'value': format('{:,}', tried)},
    {'label': 'qualified', 'value': format('{:,}', qualified)},
    {'label': 'profitable', 'value': format('{:,}', profitable)},
    {'label': 'without a trade', 'value': format('{:,}', idle)},
    {'label': 'ruined', 'value': format('{:,}', ruined)},
    {'label': 'failed', 'value': format('{:,}', failed) || coalesce('; the first: ' || problem, '')},
    {'label': 'Objective', 'value': format('{:.4g} to {:.4g}, median {:.4g}', objective_lowest, objective_highest, objective_median)},
    {'label': 'On this data by all runs', 'value': format('{:,} sets', (select attempts from attempts where run_id = $run))}
], recursive := true)
from tried_sets
where run_id = $run;
