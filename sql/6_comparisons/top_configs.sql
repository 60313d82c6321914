-- one row is one of the ten best parameter sets of a fold by in-sample objective, or over all folds (fold 0); with what they did out-of-sample, which ranks nothing
-- only sets that qualify, see trials; of equals the lower number first
-- over all folds every column is the mean over the folds in which the set qualified, trades the sum and max_drawdown the worst, and sets that qualified in fewer than half as many folds as others come last
create or replace view top_configs as
with pairs as (
    select
        ins.run_id,
        ins.fold,
        ins.trial,
        ins.params,
        ins.objective,
        ins.sharpe,
        ins.total_return,
        ins.max_drawdown,
        ins.trades,
        outs.objective as out_objective,
        outs.sharpe as out_sharpe,
        outs.total_return as out_total_return,
        outs.max_drawdown as out_max_drawdown,
        outs.trades as out_trades,
    from trials as ins
    left join trials as outs
        on ins.run_id = outs.run_id
        and ins.fold = outs.fold
        and ins.trial = outs.trial
        and outs.part = 'out'
    where ins.part = 'in' and ins.qualified and ins.objective is not null
),

everywhere as (
    select
        *,
        1 as folds,
    from pairs
    union all by name
    select
        run_id,
        0 as fold,
        trial,
        min(params) as params,
        count(*) as folds,
        avg(objective order by fold) as objective,
        avg(sharpe order by fold) as sharpe,
        avg(total_return order by fold) as total_return,
        min(max_drawdown) as max_drawdown,
        sum(trades)::bigint as trades,
        avg(out_objective order by fold) as out_objective,
        avg(out_sharpe order by fold) as out_sharpe,
        avg(out_total_return order by fold) as out_total_return,
        min(out_max_drawdown) as out_max_drawdown,
        sum(out_trades)::bigint as out_trades,
    from pairs
    where fold > 0
    group by run_id, trial
),

steady as (
    select
        *,
        2 * folds >= max(folds) over (partition by run_id, fold) as is_steady,
    from everywhere
)

select
    run_id,
    fold,                                            -- see folds; 0 = over all, or a sweep's whole span
    row_number() over (
        partition by run_id, fold
        order by is_steady desc, objective desc, trial asc
    ) as rank,                                       -- 1 = best
    trial,                                           -- see trials
    params,                                          -- JSON object, parameter to value
    folds,                                           -- folds in which the set qualified
    objective,                                       -- in-sample, as down to trades
    sharpe,
    total_return,
    max_drawdown,
    trades,                                          -- closed trades
    out_objective,                                   -- out-of-sample, as all below; null in a sweep
    out_sharpe,                                      -- ratio a year
    out_total_return,                                -- fraction
    out_max_drawdown,                                -- fraction, ≤ 0
    out_trades,                                      -- closed trades
from steady
qualify rank <= 10;
