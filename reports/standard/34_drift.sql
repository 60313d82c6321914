-- title: Parameters from fold to fold
-- chart: line
-- runs: walk
-- width: half
-- x: fold
-- y: place
-- by: parameter
-- label: value
-- shape: steps
-- note: where the chosen value lies in what was searched: 0 = the lowest value, 1 = the highest
-- format: place 2
with sets as (
    select
        run_id,
        trial,
        any_value(params) as params,
    from trials
    where run_id = $run and part = 'in'
    group by run_id, trial
),

tried as (
    select distinct
        name as parameter,
        params ->> ('$."' || name || '"') as value,
    from (select params, unnest(json_keys(params)) as name from sets) as named
),

ranked as (
    select
        parameter,
        value,
        rank() over by_value - 1 as below,
        count(*) over (partition by parameter) - 1 as others,
    from tried
    window by_value as (partition by parameter order by try_cast(value as double), value)
),

chosen as (
    select
        fold,
        params,
        unnest(json_keys(params)) as parameter,
    from folds
    where run_id = $run and params is not null
)

select
    chosen.fold,
    chosen.parameter,
    ranked.value,
    ranked.below / ranked.others as place,
from chosen
inner join ranked
    on chosen.parameter = ranked.parameter
    and (chosen.params ->> ('$."' || chosen.parameter || '"')) = ranked.value
where ranked.others > 0
order by chosen.parameter, chosen.fold;
