-- one row is one run: how much its parameter sets move together, and how many independent ones they are worth
-- mean correlation ρ of all pairs of N sets without looking at pairs: the days' sums of standardised returns vary by N + N (N − 1) ρ, N being those tried on the day
create or replace view compared_sets as
with standardised as (
    select
        run_id,
        fold,
        trial,
        day,
        (return - avg(return) over set_days) / stddev_pop(return) over set_days as score,
    from compared_returns
    window set_days as (
        partition by run_id, trial
        order by fold, day
        rows between unbounded preceding and unbounded following
    )
    qualify stddev_pop(return) over set_days > 1e-12
),

day_sums as (
    select
        run_id,
        fold,
        day,
        count(*) as sets,
        sum(score order by trial) as total,
        sum(score * score order by trial) as squares,
    from standardised
    group by run_id, fold, day
),

counts as (
    select
        run_id,
        count(distinct trial) as moving_sets,
    from standardised
    group by run_id
),

correlations as (
    select
        run_id,
        sum(total * total - squares order by fold, day)
        / nullif(sum(squares * (sets - 1) order by fold, day), 0) as correlation,
    from day_sums
    group by run_id
)

select
    run_id,
    moving_sets as sets,                             -- parameter sets whose returns vary
    correlation,                                     -- mean over all pairs of daily returns; null = fewer than two such sets
    greatest(least(coalesce(correlation, 0), 1), 0) as shared,  -- correlation, cut to 0 … 1
    shared + (1 - shared) * moving_sets as effective_sets,  -- as many independent ones: ρ + (1 − ρ) N
from correlations
inner join counts using (run_id);
