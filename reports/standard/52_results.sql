-- title: Returns of trades
-- chart: bar
-- runs: run, walk
-- width: half
-- x: return
-- y: trades
-- by: outcome
-- note: profit after all costs / value entered; the outermost bars hold what lies beyond
-- format: return percent
with bounds as (
    select
        quantile_cont(return, 0.005) as lowest,
        quantile_cont(return, 0.995) as highest,
    from trades
    where run_id = $run and not is_open
),

binned as (
    select
        case when trades.return > 0 then 'won' else 'lost' end as outcome,
        (bounds.highest - bounds.lowest) / 40 as width,
        least(greatest(trades.return, bounds.lowest), bounds.highest) as return,
    from trades
    cross join bounds
    where run_id = $run and not is_open and trades.return is not null
)

select
    case when width > 0 then (floor(return / width) + 0.5) * width else return end as return,
    outcome,
    count(*) as trades,
from binned
group by all
order by outcome desc, return;
