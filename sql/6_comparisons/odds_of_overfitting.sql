-- one row is one run: the probability that the set which is best on half of the days is no better than the middle one on the rest (PBO)
-- and between which values it lies on pure noise nine times in ten; sources see compared_splits and overfitting_noise
-- the days of every set have to be the same: a sampler that learns in each fold anew asks for other sets there, and of those that came in all of them alone nothing can be said
create or replace view odds_of_overfitting as
with tried as (
    select
        run_id,
        trial,
        count(*) as folds,
    from trials
    where part = 'in' and status <> 'failed'
    group by run_id, trial
),

spans as (
    select
        run_id,
        count(distinct fold) as folds,
    from trials
    where part = 'in'
    group by run_id
),

reaches as (
    select
        tried.run_id,
        count(*) as sets,
        count(*) filter (where tried.folds = spans.folds) as whole_sets,
    from tried
    inner join spans using (run_id)
    group by tried.run_id
),

shares as (
    select
        run_id,
        max(sets) as sets,
        bool_or(differ) as differ,
        count(*) filter (where rank <= (sets + 1) / 2) / count(*) as probability,
    from compared_winners
    group by run_id
)

select
    reaches.run_id,
    shares.sets,                                     -- parameter sets compared
    reaches.sets as tried_sets,                      -- parameter sets tried in any fold, without those that failed
    reaches.whole_sets,                              -- of these, tried in every fold
    case
        when shares.sets > 1 and shares.differ and reaches.sets = reaches.whole_sets then shares.probability
    end as probability,                              -- fraction; null = fewer than two sets, all alike, or not all tried in every fold
    max(overfitting_noise.low) as noise_low,         -- fraction; 5 % of noise lies below
    min(overfitting_noise.high) as noise_high,       -- fraction; 5 % of noise lies above
from reaches
left join shares using (run_id)
left join compared_sets using (run_id)
left join overfitting_noise
    on
        compared_sets.effective_sets >= overfitting_noise.sets
        and compared_sets.effective_sets < overfitting_noise.sets_below
group by all;
