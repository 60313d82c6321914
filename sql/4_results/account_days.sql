-- one row is one UTC day of a run or trial: its facts, see days, and what follows from the days before it
create or replace view account_days as
with days_so_far as (
    select
        *,
        coalesce(lag(equity) over (
            partition by run_id, fold, part, trial
            order by day
        ), start_cash) as previous,  -- not lag(equity, 1, start_cash): DuckDB 1.1 cannot read that in a stored view
        max(equity) over (
            partition by run_id, fold, part, trial
            order by day
            rows between unbounded preceding and current row
        ) as highest,
    from days
)

select
    * exclude (previous, highest),
    case when previous > 0 then nullif(equity / previous, 'infinity'::double) - 1 end as return,  -- fraction; equity / that of the day before (first: start_cash) − 1; null = ruined before
    equity / nullif(greatest(highest, start_cash), 0) - 1 as close_drawdown,  -- fraction ≤ 0; equity / highest end of a day so far (or start_cash) − 1
from days_so_far;
