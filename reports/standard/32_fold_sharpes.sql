-- title: In-sample against out-of-sample
-- chart: bar
-- runs: walk
-- width: half
-- x: fold
-- y: sharpe
-- by: part
-- note: Sharpe ratio a year of the chosen set in either part of its fold
-- format: sharpe 2
select
    fold,
    unnest(['in-sample', 'out-of-sample']) as part,
    unnest([in_sharpe, out_sharpe]) as sharpe,
from walk_forward
where run_id = $run
order by part, fold;
