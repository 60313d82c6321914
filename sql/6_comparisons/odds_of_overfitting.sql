-- one row is one run: the probability that the set which is best on half of the days is no better than the middle one on the rest (PBO)
-- and between which values it lies on pure noise nine times in ten; sources see compared_splits and overfitting_noise
create or replace view odds_of_overfitting as
with shares as (
    select
        run_id,
        max(sets) as sets,
        bool_or(differ) as differ,
        count(*) filter (where rank <= (sets + 1) / 2) / count(*) as probability,
    from compared_winners
    group by run_id
)

select
    shares.run_id,
    shares.sets,                                     -- parameter sets compared
    case when shares.sets > 1 and shares.differ then shares.probability end as probability,  -- fraction; null = fewer than two sets, or all alike
    max(overfitting_noise.low) as noise_low,         -- fraction; 5 % of noise lies below
    min(overfitting_noise.high) as noise_high,       -- fraction; 5 % of noise lies above
from shares
left join compared_sets using (run_id)
left join overfitting_noise
    on
        compared_sets.effective_sets >= overfitting_noise.sets
        and compared_sets.effective_sets < overfitting_noise.sets_below
group by all;
