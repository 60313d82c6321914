-- one row is one in-sample trial with an objective: it, and the mean objective of its neighbourhood
-- neighbours are the sets of the same fold that lie one step away in one parameter, see trials.places; a set is in its own neighbourhood
-- reads trials three times and not once through a common expression, so that any filter on run_id reaches each
create or replace view candidates as
with stepping as (
    select
        run_id,
        fold,
        trial,
        places,
        unnest(range(1, len(places) + 1)) as axis,
    from trials
    where part = 'in' and objective is not null
),

steps as (
    select
        *,
        unnest([-1, 1]) as step,
    from stepping
),

around as (
    select
        steps.run_id,
        steps.fold,
        steps.trial,
        near.trial as neighbour,
        near.objective,
    from steps
    inner join trials as near
        on
            steps.run_id = near.run_id
            and steps.fold = near.fold
            and list_concat(
                list_concat(steps.places[1:steps.axis - 1], [steps.places[steps.axis] + steps.step]),
                steps.places[steps.axis + 1:]
            ) = near.places
    where near.part = 'in' and near.objective is not null
    union all
    select
        run_id,
        fold,
        trial,
        trial as neighbour,
        objective,
    from trials
    where part = 'in' and objective is not null
)

select
    run_id,
    fold,
    trial,                                           -- see trials
    count(*) - 1 as neighbours,                      -- sets one step away in one parameter whose objective is defined
    max(objective) filter (where neighbour = trial) as objective,  -- of the set itself
    avg(objective order by neighbour) as plateau,    -- mean objective of the set and its neighbours
from around
group by run_id, fold, trial;
