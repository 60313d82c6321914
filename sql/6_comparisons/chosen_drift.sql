-- one row is one walk: how much the chosen parameters change from one fold to the next
-- of a value in a list the change in places, as a share of the length of the list; without places (no grid) 1 = changed, 0 = not
create or replace view chosen_drift as
with lengths as (
    select
        run_id,
        position,
        max(place) + 1 as length,
    from (
        select
            run_id,
            unnest(places) as place,
            unnest(range(len(places))) as position,
        from trials
        where part = 'in'
    ) as listed
    group by run_id, position
),

placed as (
    select
        run_id,
        fold,
        unnest(places) as place,
        unnest(range(len(places))) as position,
    from trials
    where part = 'in' and fold > 0 and chosen and places is not null
),

named as (
    select
        run_id,
        fold,
        params,
        unnest(json_keys(params)) as name,
    from trials
    where part = 'in' and fold > 0 and chosen and places is null
),

changes as (
    select
        placed.run_id,
        placed.fold,
        position::varchar as parameter,
        abs(placed.place - lag(placed.place) over (
            partition by placed.run_id, position
            order by placed.fold
        )) / lengths.length as change,
    from placed
    inner join lengths using (run_id, position)
    where lengths.length > 1  -- a single value cannot drift
    union all
    select
        run_id,
        fold,
        name as parameter,
        (json_extract(params, '$."' || name || '"')::varchar <> lag(json_extract(params, '$."' || name || '"')::varchar) over (
            partition by run_id, name
            order by fold
        ))::integer as change,
    from named
)

select
    run_id,
    avg(change order by fold, parameter) as drift,   -- fraction; mean over all parameters and all pairs of neighbouring folds; null = one fold, or nothing that could drift
from changes
group by run_id;
