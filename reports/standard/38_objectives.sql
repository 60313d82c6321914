-- title: Objective of all sets
-- chart: bar
-- runs: sweep
-- width: half
-- x: objective
-- y: sets
-- note: how the sets are spread, in-sample; a lone best set far from the others is luck more often than skill
-- format: sets count
with spread as (
    select
        objective,
        (max(objective) over () - min(objective) over ()) / 30 as width,
    from trials
    where run_id = $run and part = 'in' and objective is not null
)

select
    case when width > 0 then (floor(objective / width) + 0.5) * width else objective end as objective,
    count(*) as sets,
from spread
group by all
order by objective;
