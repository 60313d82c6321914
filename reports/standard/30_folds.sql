-- title: Folds
-- runs: walk
-- note: in and out: the chosen set on its own, in-sample and out-of-sample; stitched: its return as part of the one out-of-sample account
-- format: in_sharpe 2, out_sharpe 2, in_return percent, out_return percent, stitched percent, drawdown percent, test_from date, test_to date
select
    fold,
    test_first as test_from,
    coalesce(stitched_end, test_end) as test_to,
    coalesce(replace(trim(params, '{}'), '"', ''), 'none qualified') as chosen,
    in_sharpe,
    out_sharpe,
    in_return,
    out_return,
    stitched_return as stitched,
    out_drawdown as drawdown,
    out_trades as trades,
from walk_forward
where run_id = $run
order by fold;
