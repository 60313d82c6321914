-- one row is one fold of a walk-forward: its spans, what was chosen in-sample, and what that did out-of-sample
-- in_ and out_ are the chosen set on its own in either part, each begun with the run's cash; start_equity to end_equity is the stitched run
create or replace view walk_forward as
select
    folds.run_id,
    folds.fold,
    folds.train_first,
    folds.train_end,
    folds.test_first,
    folds.test_end,
    folds.stitched_end,
    folds.trial,                                     -- the chosen set, see trials; null = none qualified, the fold stays flat
    folds.params,                                    -- JSON object of the chosen set
    ins.objective as in_objective,                   -- what it was chosen by
    outs.objective as out_objective,                 -- the same expression over the out-of-sample part
    ins.sharpe as in_sharpe,                         -- ratio a year
    outs.sharpe as out_sharpe,                       -- ratio a year
    ins.total_return as in_return,                   -- fraction
    outs.total_return as out_return,                 -- fraction
    ins.max_drawdown as in_drawdown,                 -- fraction, ≤ 0
    outs.max_drawdown as out_drawdown,               -- fraction, ≤ 0
    ins.trades as in_trades,                         -- closed trades
    outs.trades as out_trades,                       -- closed trades
    folds.start_equity,
    folds.end_equity,
    folds.end_equity / nullif(folds.start_equity, 0) - 1 as stitched_return,  -- fraction; end_equity / start_equity − 1
from folds
left join trials as ins
    on folds.run_id = ins.run_id
    and folds.fold = ins.fold
    and folds.trial = ins.trial
    and ins.part = 'in'
left join trials as outs
    on folds.run_id = outs.run_id
    and folds.fold = outs.fold
    and folds.trial = outs.trial
    and outs.part = 'out';
