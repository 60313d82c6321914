-- title: Best parameter sets
-- runs: sweep
-- note: those that qualify, by their objective; all of it is in-sample
-- format: objective 4, sharpe 2, total_return percent, max_drawdown percent
select
    rank,
    trial as "set",
    replace(trim(params, '{}'), '"', '') as parameters,
    objective,
    sharpe,
    total_return,
    max_drawdown,
    trades,
from top_configs
where run_id = $run and fold = 0
order by rank;
