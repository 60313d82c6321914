-- title: Objective over two parameters
-- chart: heatmap
-- runs: sweep
-- x: across
-- y: down
-- value: objective
-- note: the two parameters with the most values; each cell is the best set that has both, qualified or not; look for plateaus, not for peaks
-- format: objective 2
with named as (
    select
        objective,
        params,
        unnest(json_keys(params)) as name,
    from trials
    where run_id = $run and part = 'in'
),

widths as (
    select
        name,
        row_number() over (order by count(distinct params ->> ('$."' || name || '"')) desc, name asc) as place,
    from named
    group by name
),

axes as (
    select
        max(name) filter (where place = 1) as across,
        max(name) filter (where place = 2) as down,
    from widths
),

cells as (
    select
        params ->> ('$."' || axes.across || '"') as across_value,
        coalesce(params ->> ('$."' || axes.down || '"'), 'all') as down_value,
        axes.across,
        axes.down,
        max(objective) as objective,
    from trials
    cross join axes
    where run_id = $run and part = 'in'
    group by all
)

select
    across || ' ' || across_value as across,
    coalesce(down || ' ', '') || down_value as down,
    objective,
from cells
order by try_cast(down_value as double), down_value, try_cast(across_value as double), across_value;
