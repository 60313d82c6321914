-- title: Best parameter sets
-- runs: walk
-- note: by their mean in-sample objective over the folds in which they qualify; out-of-sample figures are means too, and rank nothing
-- format: objective 4, sharpe 2, total_return percent, max_drawdown percent, out_sharpe 2, out_return percent
select
    rank,
    trial as "set",
    replace(trim(params, '{}'), '"', '') as parameters,
    folds,
    objective,
    sharpe,
    total_return,
    max_drawdown,
    trades,
    out_sharpe,
    out_total_return as out_return,
from top_configs
where run_id = $run and fold = 0
order by rank;
