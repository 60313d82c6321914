-- one row is one trade of a run that a list of about `many` shows: all, or the first and last 30 %, the best and the worst 20 % of that number
create or replace macro listed_trades(run, many) as table
with placed as (
    select
        run_id,
        trade,
        count(*) over () as trades,
        row_number() over (order by trade) as from_first,
        row_number() over (order by trade desc) as from_last,
        row_number() over (order by pnl desc nulls last, trade asc) as from_best,
        row_number() over (order by pnl asc nulls last, trade asc) as from_worst,
    from trades
    where run_id = run
)

select
    run_id,
    trade,                                           -- see trades
    trades as among,                                 -- trades that the run has
from placed
where
    trades <= many
    or least(from_first, from_last) <= 0.3 * many
    or least(from_best, from_worst) <= 0.2 * many;
