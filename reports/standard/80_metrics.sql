-- title: Every metric, and what it means
-- runs: run, walk
-- format: value by unit
-- hide: unit
with numbers as (
    select columns(* exclude (run_id))::double
    from metrics
    where run_id = $run
),

figures as (
    select
        metric,
        value,
    from numbers
    unpivot include nulls (value for metric in (*))
),

said as (
    select
        column_name as metric,
        column_index as place,
        comment,
    from duckdb_columns()
    where table_name = 'metrics' and not internal
)

select
    replace(metric, '_', ' ') as metric,
    value,
    case
        when comment like 'fraction%' then 'percent'
        when comment like 'quote%' then 'money'
        when comment like 'ratio%' or comment like 'multiple%' or comment like 'system%' then '4'
        when comment like 'bars%' then '1'
        else 'count'
    end as unit,
    comment as meaning,
from figures
left join said using (metric)
order by place;
