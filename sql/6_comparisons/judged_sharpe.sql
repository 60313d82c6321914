-- one row is one run: how sure its Sharpe ratio is, alone and among all that was tried
create or replace view judged_sharpe as
with lucks as (
    select
        run_id,
        max(attempts) filter (where basis = 'all') as attempts,
        max(attempts) filter (where basis = 'effective') as effective_attempts,
        max(expected) filter (where basis = 'all') as expected,
        max(expected) filter (where basis = 'effective') as effective_expected,
        max(probability) filter (where basis = 'one') as probabilistic,
        max(probability) filter (where basis = 'all') as deflated,
        max(probability) filter (where basis = 'effective') as effective_deflated,
        max(min_years) filter (where basis = 'all') as min_years,
    from judged_luck
    group by run_id
)

select
    run_id,
    lucks.attempts,                                  -- parameter sets; see attempts
    lucks.effective_attempts,                        -- as many independent ones; see judged_luck
    lucks.expected,                                  -- ratio a day; what the best of all attempts would show without skill
    lucks.effective_expected,                        -- ratio a day; the best of the effective number of attempts
    lucks.probabilistic,                             -- probability that the true Sharpe ratio is above 0
    lucks.deflated,                                  -- probability that it is above expected
    lucks.effective_deflated,                        -- probability that it is above effective_expected
    lucks.min_years,                                 -- years; see min_backtest_length
    judged_curves.sharpe * sqrt(judged_curves.days) as t_statistic,  -- ratio; mean daily return / its standard error
    min_track_record(
        judged_curves.sharpe, 0, judged_curves.skew, judged_curves.kurtosis, 0.95
    ) as min_days,                                   -- days; see min_track_record
from lucks
inner join judged_curves using (run_id);
