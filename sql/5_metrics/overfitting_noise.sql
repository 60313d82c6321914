-- one row is a number of independent parameter sets, and where the probability of overfitting lies for them on pure noise
-- measured by tests/benchmarks/overfitting_noise.py: 600 (1,000 sets) to 20,000 (up to 7 sets) markets of independent normal daily returns over 360 days, ten blocks
-- the number of days makes no difference, nor does a part of the returns that all sets share; an odd number of sets has a middle one, which counts as overfitted
create or replace view overfitting_noise as
with measured (sets, low, high) as (
    values
    (2, 0.008, 0.952),
    (3, 0.119, 0.992),
    (4, 0.079, 0.913),
    (5, 0.143, 0.964),
    (7, 0.151, 0.940),
    (10, 0.135, 0.877),
    (20, 0.179, 0.841),
    (50, 0.214, 0.790),
    (100, 0.234, 0.754),
    (200, 0.258, 0.734),
    (500, 0.286, 0.710),
    (1000, 0.313, 0.675)
)

select
    sets,                                            -- at least so many sets
    coalesce(lead(sets) over (order by sets), 'infinity'::double) as sets_below,  -- and fewer than this
    low::double as low,                              -- fraction; the lowest 5 % of noise lie below
    high::double as high,                            -- fraction; the highest 5 % of noise lie above
from measured;
