-- one row is one run: between which Sharpe ratios 95 of 100 redrawn years like the judged one lie
-- stationary bootstrap of Politis, Romano, Journal of the American Statistical Association 89, 1994: 500 times as many days, in blocks of 10 on average
create or replace view judged_interval as
with draws as (  -- a block begins on one day in ten, and on the first
    select
        run_id,
        days,
        resample,
        day,
    from (
        select
            judged_curves.run_id,
            judged_curves.days,
            resamples.resample,
            unnest(range(judged_curves.days)) as day,
        from judged_curves
        cross join range(500) as resamples (resample)
        where judged_curves.days >= 30 and judged_curves.sharpe is not null
    ) as places
    where day = 0 or drawn(131072 * resample + 2 * day) < 0.1
),

blocks as (
    select
        *,
        floor(days * drawn(131072 * resample + 2 * day + 1))::bigint as source,
        coalesce(lead(day) over (
            partition by run_id, resample
            order by day
        ), days) - day as length,
    from draws
),

edges as (  -- what a block adds up to is the difference of the running sums at its two ends
    select
        run_id,
        days,
        resample,
        day,
        unnest([source, source + length]) as place,
        unnest([-1, 1]) as sign,
    from blocks
),

running as (  -- the days twice in a row: a block that reaches the end goes on at the beginning
    select
        judged_days.run_id,
        row_number() over days_so_far - 1 as place,
        sum(judged_days.return) over days_so_far - judged_days.return as total,
        sum(judged_days.return * judged_days.return) over days_so_far
        - judged_days.return * judged_days.return as squares,
    from judged_days
    cross join range(2) as laps (lap)
    where judged_days.return is not null
    window days_so_far as (
        partition by judged_days.run_id
        order by laps.lap, judged_days.day
        rows between unbounded preceding and current row
    )
),

sharpes as (
    select
        edges.run_id,
        edges.resample,
        sharpe_of_sums(
            min(edges.days),
            sum(edges.sign * running.total order by edges.day, edges.sign),
            sum(edges.sign * running.squares order by edges.day, edges.sign)
        ) * sqrt(365) as sharpe,
    from edges
    inner join running using (run_id, place)
    group by edges.run_id, edges.resample
)

select
    run_id,
    quantile_cont(sharpe, 0.025) as low,             -- ratio a year
    quantile_cont(sharpe, 0.975) as high,            -- ratio a year
from sharpes
group by run_id;
