-- no row may come back: a run or trial with a UTC day missing or twice between its first day and its last, or a run without days
select
    run_id,
    fold,
    part,
    trial,
    format('{} rows for {} days', count(*), max(day) - min(day) + 1) as problem,
from days
group by run_id, fold, part, trial
having count(*) <> max(day) - min(day) + 1 or count(distinct day) <> count(*)
union all
select
    runs.run_id,
    0 as fold,
    'run' as part,
    0 as trial,
    'no days' as problem,
from runs
left join days on runs.run_id = days.run_id and days.part = 'run'
where runs.kind = 'run' and days.run_id is null;
