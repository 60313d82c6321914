-- one row is one walk: what its stitched folds earned, and what the sets they used had earned in-sample
create or replace view fold_gains as
with facts as (
    select
        folds.run_id,
        folds.fold,
        folds.end_equity - folds.start_equity as profit,
        ln(nullif(greatest(folds.end_equity / nullif(folds.start_equity, 0), 0), 0)) as out_growth,
        date_diff('minute', folds.test_first, folds.stitched_end) / 1440 as out_days,
        ln(nullif(greatest(trials.end_equity / nullif(trials.start_cash, 0), 0), 0)) as in_growth,
        date_diff('minute', folds.train_first, folds.train_end) / 1440 as in_days,
    from folds
    left join trials
        on folds.run_id = trials.run_id
        and folds.fold = trials.fold
        and folds.trial = trials.trial
        and trials.part = 'in'
    where folds.end_equity is not null
)

select
    run_id,
    count(*) as folds,                               -- stitched ones, those in which no set qualified too
    count(*) filter (where profit > 0) as profitable,  -- of these, ended with more than they began with
    sum(profit order by fold) as profit,             -- quote
    max(profit) as best_profit,                      -- quote; of the best fold
    bool_or(out_growth is null) as ruined,           -- a fold ended with nothing left
    365 * sum(out_growth order by fold) / nullif(sum(out_days order by fold), 0) as out_growth,  -- a year; ln(end / start equity) of the stitched run, per 365 days
    365 * sum(in_growth order by fold)
    / nullif(sum(in_days order by fold) filter (where in_growth is not null), 0) as in_growth,  -- a year; the same of the chosen sets in-sample
from facts
group by run_id;
