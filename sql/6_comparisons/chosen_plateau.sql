-- one row is one run: whether its chosen sets stand on a plateau or on a peak of the in-sample objective
-- neighbours are the sets one step away in one parameter, see candidates
create or replace view chosen_plateau as
select
    candidates.run_id,
    avg(
        ((candidates.neighbours + 1) * candidates.plateau - candidates.objective)
        / nullif(candidates.neighbours * candidates.objective, 0)
        order by candidates.fold
    ) as plateau,                                    -- ratio; mean objective of the neighbours / the chosen set's own, mean over folds; null = no neighbours, or no objective above 0
from candidates
inner join trials using (run_id, fold, trial)
where trials.part = 'in' and trials.chosen and candidates.objective > 0
group by candidates.run_id;
