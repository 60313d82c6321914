-- one row is one run and a number of attempts: what the best of so many sets without skill is expected to show, and how sure the run is above it
-- attempts: one (then it is the probabilistic Sharpe ratio, above 0), effective, or all ever made; see attempts
-- variance: of the Sharpe ratios of the run's own sets, each the mean of its in-sample parts; with fewer than two sets 1 / (days − 1), that of no skill
-- it is no less than that where other runs tried more: a few sets that are alike must not hide how many were tried
create or replace view judged_luck as
with own_sharpes as (
    select
        run_id,
        trial,
        avg(sharpe order by fold) / sqrt(365) as sharpe,
    from trials
    where part = 'in' and sharpe is not null
    group by run_id, trial
),

variances as (
    select
        run_id,
        var_samp(sharpe order by trial) as variance,
        count(*) as own,
    from own_sharpes
    group by run_id
),

numbers as (
    select
        judged_curves.*,
        greatest(coalesce(attempts.attempts, 1), 1) as attempts,
        coalesce(compared_sets.shared, 0) as shared,
        least(coalesce(variances.own, 0), greatest(coalesce(attempts.attempts, 1), 1)) as own,
        case
            when attempts.attempts > variances.own
            then greatest(variances.variance, 1 / nullif(judged_curves.days - 1, 0))
            else coalesce(variances.variance, 1 / nullif(judged_curves.days - 1, 0))
        end as variance,
    from judged_curves
    left join attempts using (run_id)
    left join compared_sets using (run_id)
    left join variances using (run_id)
),

counted as (
    select
        * exclude (attempts),
        unnest(['one', 'effective', 'all']) as basis,
        unnest([
            1,
            case when own > 0 then attempts - (own - 1) * shared else attempts end,
            attempts
        ]) as attempts,
    from numbers
),

lucks as (
    select
        *,
        expected_max_sharpe(1, attempts) as deviations,
    from counted
)

select
    run_id,
    basis,                                           -- one, effective (the n sets of the run itself count ρ + (1 − ρ) × n, ρ their mean correlation, and all others one each) or all
    attempts,                                        -- parameter sets
    sqrt(variance) * deviations as expected,         -- ratio a day; expected_max_sharpe(variance, attempts)
    probabilistic_sharpe(sharpe, expected, days, skew, kurtosis) as probability,  -- that the true Sharpe ratio is above expected: deflated_sharpe, with expected known
    case when sharpe > 0 then pow(deviations / (sharpe * sqrt(365)), 2) end as min_years,  -- years; min_backtest_length, with expected_max_sharpe known
from lucks;
