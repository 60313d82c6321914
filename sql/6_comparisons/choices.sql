-- one row is one fold of a walk-forward, or the span of a sweep (fold 0), and one way of choosing: the set that it chooses
-- way best takes the highest objective, way plateau the highest mean objective of a neighbourhood, see candidates; ties go to the lowest trial
-- only qualified trials with an objective are chosen, and only by what they did in-sample; a fold without one has no row
create or replace view choices as
with scored as (
    select
        run_id,
        fold,
        trial,
        'best' as way,
        objective as score,
    from trials
    where part = 'in'
    union all
    select
        run_id,
        fold,
        trial,
        'plateau' as way,
        plateau as score,
    from candidates
)

select
    scored.run_id,
    scored.fold,
    scored.way,                                      -- best or plateau
    scored.trial,                                    -- the chosen set, see trials
    trials.params,
    scored.score,                                    -- what it was chosen by
from scored
inner join trials
    on
        scored.run_id = trials.run_id
        and scored.fold = trials.fold
        and scored.trial = trials.trial
where trials.part = 'in' and trials.qualified and trials.objective is not null
qualify row_number() over (
    partition by scored.run_id, scored.fold, scored.way
    order by scored.score desc, scored.trial asc
) = 1;
