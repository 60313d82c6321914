-- one row is one run and fold: the UTC days on which all its parameter sets are set side by side
-- of a walk the out-of-sample days, of each fold up to the next one's; of a sweep its whole span, which is in-sample
create or replace view compared_folds as
with spans as (
    select
        run_id,
        fold,
        'out' as part,
        test_first,
        coalesce(least(test_end, lead(test_first) over (
            partition by run_id
            order by fold
        )), test_end) as test_end,
    from folds
    union all
    select
        run_id,
        0 as fold,
        'in' as part,
        first_ts as test_first,
        end_ts as test_end,
    from runs
    where kind = 'sweep'
),

lengths as (
    select
        *,
        test_first::date as first_day,
        (test_end - interval 1 minute)::date as last_day,
        date_diff('day', first_day, last_day) + 1 as days,
    from spans
)

select
    run_id,
    fold,
    part,
    first_day,                                       -- UTC
    last_day,                                        -- UTC
    (sum(days) over so_far - days)::bigint as days_before,     -- days of the folds before this one
    (sum(days) over (partition by run_id))::bigint as days,    -- days of all folds
from lengths
window so_far as (
    partition by run_id
    order by fold
    rows between unbounded preceding and current row
);
