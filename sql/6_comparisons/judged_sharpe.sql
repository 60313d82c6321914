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
    lucks.*,
    judged_curves.sharpe * sqrt(judged_curves.days) as t_statistic,  -- ratio; mean daily return / its standard error
    min_track_record(
        judged_curves.sharpe, 0, judged_curves.skew, judged_curves.kurtosis, 0.95
    ) as min_days,                                   -- days; see min_track_record
from lucks
inner join judged_curves using (run_id);
