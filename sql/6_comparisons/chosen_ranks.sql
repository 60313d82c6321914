-- one row is one walk: whether sets that were better in-sample were better out-of-sample
create or replace view chosen_ranks as
with pairs as (
    select
        ins.run_id,
        ins.fold,
        ins.trial,
        ins.objective as in_objective,
        outs.objective as out_objective,
    from trials as ins
    inner join trials as outs using (run_id, fold, trial)
    where ins.part = 'in' and outs.part = 'out' and ins.objective is not null and outs.objective is not null
),

ranked as (  -- equals share the middle of their places
    select
        run_id,
        fold,
        trial,
        rank() over (
            partition by run_id, fold
            order by in_objective
        ) + count(*) over (partition by run_id, fold, in_objective) / 2 as in_rank,
        rank() over (
            partition by run_id, fold
            order by out_objective
        ) + count(*) over (partition by run_id, fold, out_objective) / 2 as out_rank,
    from pairs
),

correlations as (
    select
        run_id,
        fold,
        corr(in_rank, out_rank order by trial) as correlation,
    from ranked
    group by run_id, fold
    having count(*) > 2 and max(in_rank) > min(in_rank) and max(out_rank) > min(out_rank)
)

select
    run_id,
    avg(correlation order by fold) as rank_correlation,  -- Spearman's, of the objective over the sets of a fold; mean over folds
from correlations
group by run_id;
