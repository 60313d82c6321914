-- one row is one run and UTC day: the return it is judged by, see judged_curves
create or replace view judged_days as
select
    run_id,
    day,
    return,
from account_days
where part = 'run'
union all
select
    account_days.run_id,
    account_days.day,
    account_days.return,
from account_days
inner join trials using (run_id, fold, part, trial)
where account_days.part = 'in' and account_days.fold = 0 and trials.chosen;
