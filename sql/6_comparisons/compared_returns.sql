-- one row is one run, parameter set and UTC day of compared_folds: a cell of the matrix that the sets are compared in
create or replace view compared_returns as
with facts as (
    from account_days
    where part = 'out'
    union all
    from account_days
    where part = 'in' and fold = 0  -- named apart, so that no in-sample day of a walk is read
)

select
    facts.run_id,
    facts.fold,
    facts.trial,
    facts.day,
    facts.return,                                    -- fraction; of the account that the set began the fold with
    least(
        10 * (compared_folds.days_before + date_diff('day', compared_folds.first_day, facts.day))
        // compared_folds.days, 9
    )::integer as block,                             -- 0 … 9: tenth of all days
from facts
inner join compared_folds using (run_id, fold, part)
where facts.day between compared_folds.first_day and compared_folds.last_day and facts.return is not null;
