-- one row is one finished run, walk-forward or sweep, with its metrics in the order of metrics
-- a walk-forward is judged by its stitched out-of-sample run; a sweep by its chosen set, in-sample: it was picked for these very figures
create or replace view leaderboard as
with figures as (
    from run_metrics
    union all by name
    select
        trials.* exclude (
            fold,
            part,
            trial,
            params,
            params_hash,
            places,
            first_ts,
            end_ts,
            chosen,
            objective,
            qualified,
            status,
            problem,
            seconds,
            pnl
        ),
        runs.buy_hold,
    from trials
    inner join runs using (run_id)
    where runs.kind = 'sweep' and trials.chosen and trials.part = 'in'
)

select
    runs.run_id,
    runs.kind,                                       -- run, walk (out-of-sample), or sweep (its chosen set, in-sample)
    runs.name,
    runs.strategy,
    runs.params,                                     -- JSON object; of a sweep its chosen set's; of a walk {}: see folds
    runs.symbols,
    runs.timeframe,
    runs.first_ts,                                   -- UTC; ts of the first tested bar
    runs.end_ts,
    figures.start_cash,
    figures.end_equity,                              -- quote; equity at the end of the last day
    figures.net_profit,
    figures.total_return,
    figures.days,                                    -- UTC calendar days from the first to the last tested bar
    figures.cagr,
    figures.buy_hold,
    figures.time_in_market,
    figures.max_drawdown,
    figures.longest_drawdown_days,
    figures.sharpe,
    figures.sortino,
    figures.calmar,
    figures.volatility,
    figures.worst_day,
    figures.best_day,
    figures.ulcer,
    figures.var_95,
    figures.cvar_95,
    figures.skew,
    figures.kurtosis,
    figures.trades,                                  -- closed trades
    figures.longs,                                   -- of these, long
    figures.shorts,
    figures.win_rate,
    figures.profit_factor,
    figures.expectancy,
    figures.expectancy_r,
    figures.avg_win,
    figures.avg_loss,
    figures.best_trade,
    figures.worst_trade,
    figures.avg_bars,
    figures.sqn,
    figures.liquidations,                            -- closed trades ended by liquidation
    figures.ambiguous,                               -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    figures.ambiguous_share,
    figures.gross_profit,                            -- quote; sum of pnl > 0 over closed trades
    figures.gross_loss,                              -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    figures.fees,                                    -- quote; of all fills
    figures.slippage,                                -- quote; of all fills, already inside the prices
    figures.funding,                                 -- quote; received, negative = paid
    figures.costs,
    figures.costs_to_gross_profit,
    figures.slipped_value,                           -- quote; traded value of the fills that pay slippage: market and stop
    figures.break_even_slippage,
    runs.sets,
    runs.status,                                     -- finished or ruined
    runs.created_ts,
from runs
inner join figures using (run_id)
where runs.status in ('finished', 'ruined');
